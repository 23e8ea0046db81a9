//! Laying one picture on another where both may be transparent.
//!
//! # Source
//!
//! T. Porter and T. Duff 1984, "Compositing Digital Images"; for the names, and for the modes that are not in
//! the paper, the documentation of Android's `PorterDuff.Mode`.

/// The names of the modes, in ComfyUI's order.
pub const MODES: [&str; 18] = [
    "ADD", "CLEAR", "DARKEN", "DST", "DST_ATOP", "DST_IN", "DST_OUT", "DST_OVER", "LIGHTEN",
    "MULTIPLY", "OVERLAY", "SCREEN", "SRC", "SRC_ATOP", "SRC_IN", "SRC_OUT", "SRC_OVER", "XOR",
];

/// What becomes of a source and what is under it: `(s, source opacity, d, destination opacity)`, where `s` and
/// `d` are colours multiplied with their opacity, or the opacities themselves.
type Formula = fn(f32, f32, f32, f32) -> f32;

/// How colours and opacity are put together.
#[derive(Debug, Clone, Copy)]
pub struct Mode {
    colour: Formula,
    opacity: Formula,
}

impl Mode {
    /// The mode of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        const SCREEN: Formula = |s, _, d, _| s + d - s * d;
        let colour: Formula = match name {
            "ADD" => |s, _, d, _| (s + d).clamp(0.0, 1.0),
            "CLEAR" => |_, _, _, _| 0.0,
            "DARKEN" => |s, sa, d, da| (1.0 - da) * s + (1.0 - sa) * d + s.min(d),
            "DST" => |_, _, d, _| d,
            "DST_ATOP" => |s, sa, d, da| sa * d + (1.0 - da) * s,
            "DST_IN" => |_, sa, d, _| sa * d,
            "DST_OUT" => |_, sa, d, _| (1.0 - sa) * d,
            "DST_OVER" => |s, _, d, da| d + (1.0 - da) * s,
            "LIGHTEN" => |s, sa, d, da| (1.0 - da) * s + (1.0 - sa) * d + s.max(d),
            "MULTIPLY" => |s, _, d, _| s * d,
            "OVERLAY" => |s, sa, d, da| {
                if 2.0 * d < da { 2.0 * s * d } else { sa * da - 2.0 * (da - s) * (sa - d) }
            },
            "SCREEN" => SCREEN,
            "SRC" => |s, _, _, _| s,
            "SRC_ATOP" => |s, sa, d, da| da * s + (1.0 - sa) * d,
            "SRC_IN" => |s, _, _, da| da * s,
            "SRC_OUT" => |s, _, _, da| (1.0 - da) * s,
            "SRC_OVER" => |s, sa, d, _| s + (1.0 - sa) * d,
            "XOR" => |s, sa, d, da| (1.0 - da) * s + (1.0 - sa) * d,
            _ => return None,
        };
        let opacity = match name {
            "DARKEN" | "LIGHTEN" | "OVERLAY" => SCREEN,
            _ => colour,
        };
        Some(Self { colour, opacity })
    }

    /// Colour and opacity of a source pixel laid on a destination pixel, each a colour and an opacity.
    pub fn blend(
        self,
        (source, sa): ([f32; 3], f32),
        (under, da): ([f32; 3], f32),
    ) -> ([f32; 3], f32) {
        let opacity = (self.opacity)(sa, sa, da, da);
        let colour = |i: usize| match (self.colour)(source[i] * sa, sa, under[i] * da, da) {
            // Nothing is seen, so that any colour would do.
            _ if opacity <= 1e-5 => 0.0,
            colour => (colour / opacity).clamp(0.0, 1.0),
        };
        ([colour(0), colour(1), colour(2)], opacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source of grey 0.8 and opacity 0.5 on grey 0.2 of opacity 0.75: `s` = 0.4, `d` = 0.15, worked out by hand.
    #[test]
    fn modes_follow_their_formulas() {
        let cases = [
            ("ADD", 0.55, 1.0),
            ("CLEAR", 0.0, 0.0),
            ("DARKEN", 0.1 + 0.075 + 0.15, 0.875),
            ("DST", 0.15, 0.75),
            ("DST_ATOP", 0.075 + 0.1, 0.5),
            ("DST_IN", 0.075, 0.375),
            ("DST_OUT", 0.075, 0.375),
            ("DST_OVER", 0.15 + 0.1, 0.875),
            ("LIGHTEN", 0.1 + 0.075 + 0.4, 0.875),
            ("MULTIPLY", 0.06, 0.375),
            ("OVERLAY", 0.12, 0.875),
            ("SCREEN", 0.49, 0.875),
            ("SRC", 0.4, 0.5),
            ("SRC_ATOP", 0.3 + 0.075, 0.75),
            ("SRC_IN", 0.3, 0.375),
            ("SRC_OUT", 0.1, 0.125),
            ("SRC_OVER", 0.4 + 0.075, 0.875),
            ("XOR", 0.1 + 0.075, 0.5),
        ];
        assert_eq!(cases.map(|case| case.0), MODES);
        for (name, colour, opacity) in cases {
            let mode = Mode::from_name(name).unwrap();
            let (got, got_opacity) = mode.blend(([0.8; 3], 0.5), ([0.2; 3], 0.75));
            let want = if opacity == 0.0 { 0.0 } else { colour / opacity };
            assert!((got[0] - want).abs() < 1e-6, "{name}: {} for {want}", got[0]);
            assert_eq!(got[0].to_bits(), got[2].to_bits(), "{name}");
            assert!((got_opacity - opacity).abs() < 1e-6, "{name}: {got_opacity} for {opacity}");
        }
        // The bright half of overlay: d = 0.6 of 0.75, so 0.375 − 2 · 0.35 · (0.5 − 0.6).
        let overlay = Mode::from_name("OVERLAY").unwrap();
        let (got, _) = overlay.blend(([0.8; 3], 0.5), ([0.8; 3], 0.75));
        assert!((got[1] - 0.445 / 0.875).abs() < 1e-6, "{}", got[1]);
        assert!(Mode::from_name("src_over").is_none());
    }
}
