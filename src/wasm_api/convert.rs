//! Values of the graph ↔ JavaScript values.

use js_sys::{Array, BigInt, Float32Array, Object, Reflect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::{JsCast, JsValue};

use super::error::js_error;
use crate::error::{Error, ErrorKind};
use crate::graph::{Kind, Value};
use crate::image::{Image, Mask};
use crate::nodes::values::Latent;

/// What `JSON.parse` makes of it. For everything that may hold a seed: beyond 2^53 it becomes the nearest
/// number, where [`to_js`] would refuse.
pub(super) fn js_from_json<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, JsValue> {
    let text =
        serde_json::to_string(value).map_err(|error| JsValue::from_str(&error.to_string()))?;
    js_sys::JSON::parse(&text)
}

/// Plain objects rather than `Map`s, numbers rather than BigInts.
pub(super) fn to_js<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, JsValue> {
    value.serialize(&Serializer::json_compatible()).map_err(JsValue::from)
}

pub(super) fn from_js<T: DeserializeOwned>(value: &JsValue) -> Result<T, JsValue> {
    serde_wasm_bindgen::from_value(value.clone()).map_err(|error| {
        let (what, expected) = ("options", "the options this call takes".to_owned());
        js_error(&ErrorKind::Mismatch { what, expected, got: error.to_string() }.into())
    })
}

/// An input of a JavaScript node. Pictures, masks and latents become `{data, shape}`; a handle (a model)
/// becomes `undefined`, since only nodes of the engine can use it.
pub(super) fn js_from_value(value: &Value) -> Result<JsValue, JsValue> {
    match value {
        // 53 bits are exact as a number; a larger one (a seed) is a BigInt.
        Value::Int(n) if n.unsigned_abs() > 1 << 53 => {
            Ok(BigInt::new(&JsValue::from_str(&n.to_string()))?.into())
        }
        Value::Int(n) => Ok(JsValue::from_f64(*n as f64)),
        Value::Float(x) => Ok(JsValue::from_f64(*x)),
        Value::String(text) => Ok(JsValue::from_str(text)),
        Value::Boolean(yes) => Ok(JsValue::from_bool(*yes)),
        Value::Json(json) => js_from_json(json),
        Value::List(values) => {
            Ok(values.iter().map(js_from_value).collect::<Result<Array, _>>()?.into())
        }
        Value::Object(object) => {
            if let Some(image) = object.downcast::<Image>() {
                let shape = [image.batch, image.height, image.width, image.channels];
                return array(&shape, &image.data);
            }
            if let Some(mask) = object.downcast::<Mask>() {
                return array(&[mask.batch, mask.height, mask.width], &mask.data);
            }
            if let Some(latent) = object.downcast::<Latent>() {
                let out = Object::new();
                Reflect::set(&out, &"samples".into(), &array(&latent.shape, &latent.samples)?)?;
                return Ok(out.into());
            }
            Ok(JsValue::UNDEFINED)
        }
    }
}

/// An output of a JavaScript node, as the kind its definition declares.
pub(super) fn value_from_js(value: &JsValue, kind: Kind) -> Result<Value, Error> {
    let wrong = |expected: &str| {
        let got = value.js_typeof().as_string().unwrap_or_default();
        ErrorKind::Mismatch { what: "output of the node", expected: expected.to_owned(), got }
            .into()
    };
    if kind == Kind::IMAGE {
        let (shape, data) =
            array_from_js(value).ok_or_else(|| wrong("{data: Float32Array, shape}"))?;
        let shape = shape.try_into().map_err(|_| wrong("a shape of [batch, height, width, 3]"))?;
        let image = Image::new(shape, data)?;
        return Ok(Value::object(kind, image.data.len() * 4, image));
    }
    if kind == Kind::MASK {
        let (shape, data) =
            array_from_js(value).ok_or_else(|| wrong("{data: Float32Array, shape}"))?;
        let &[batch, height, width] = &shape[..] else {
            return Err(wrong("a shape of [batch, height, width]"));
        };
        if batch * height * width != data.len() || data.is_empty() {
            return Err(wrong("as many numbers as the shape says"));
        }
        return Ok(Value::object(kind, data.len() * 4, Mask { batch, height, width, data }));
    }
    if kind == Kind::LATENT {
        let samples = Reflect::get(value, &"samples".into()).ok();
        let (shape, data) = samples
            .and_then(|samples| array_from_js(&samples))
            .ok_or_else(|| wrong("{samples: {data: Float32Array, shape}}"))?;
        let shape =
            shape.try_into().map_err(|_| wrong("a shape of [batch, channels, height, width]"))?;
        let latent = Latent::new(shape, data)?;
        return Ok(Value::object(kind, latent.bytes(), latent));
    }
    if let Some(big) = value.dyn_ref::<BigInt>() {
        let text = big.to_string(10).ok().and_then(|text| text.as_string()).unwrap_or_default();
        return text
            .parse()
            .map(Value::Int)
            .map_err(|_| wrong("a whole number of at most 128 bits"));
    }
    if let Some(number) = value.as_f64() {
        let whole = number.fract() == 0.0 && number.abs() < 1e15;
        let int = whole && (kind == Kind::INT || kind.is_any());
        return Ok(if int { Value::Int(number as i128) } else { Value::Float(number) });
    }
    if let Some(text) = value.as_string() {
        return Ok(Value::String(text));
    }
    if let Some(yes) = value.as_bool() {
        return Ok(Value::Boolean(yes));
    }
    Err(wrong("a number, a text, true or false, or an array with its shape"))
}

fn array(shape: &[usize], data: &[f32]) -> Result<JsValue, JsValue> {
    let out = Object::new();
    let shape: Array = shape.iter().map(|n| JsValue::from_f64(*n as f64)).collect();
    Reflect::set(&out, &"shape".into(), &shape)?;
    Reflect::set(&out, &"data".into(), &Float32Array::from(data))?;
    Ok(out.into())
}

fn array_from_js(value: &JsValue) -> Option<(Vec<usize>, Vec<f32>)> {
    let data = Reflect::get(value, &"data".into()).ok()?.dyn_into::<Float32Array>().ok()?;
    let shape = Reflect::get(value, &"shape".into()).ok()?.dyn_into::<Array>().ok()?;
    let side =
        |n: JsValue| n.as_f64().filter(|n| *n >= 1.0 && n.fract() == 0.0).map(|n| n as usize);
    Some((shape.iter().map(side).collect::<Option<_>>()?, data.to_vec()))
}
