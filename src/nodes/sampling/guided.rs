//! What a sampler asks: the network under the guidance of its prompts.

use futures_util::future::LocalBoxFuture;

use super::hole::Canvas;
use super::network::Network;
use super::preview::Previewer;
use crate::diffusion::areas::{self, Entry};
use crate::diffusion::guidance;
use crate::diffusion::samplers::{Denoise, Denoised};
use crate::error::Result;
use crate::graph::Context;
use crate::nodes::values::{CfgRule, Guidance, Guider};

/// A guider at work on latents of one shape.
pub(super) struct Guided<'a> {
    network: Network<'a>,
    shape: [usize; 4],
    guidance: Guidance,
    rescale: Option<f32>,
    /// Levels between which the negative prompt has a say.
    between: Option<[f32; 2]>,
    /// Where the conditions of each prompt count; the positive ones first.
    lists: Vec<Vec<Entry>>,
    /// The levels of the run, by which a call knows its step.
    sigmas: &'a [f32],
    previewer: &'a Previewer<'a>,
}

impl<'a> Guided<'a> {
    pub(super) fn new(
        guider: &'a Guider,
        canvas: Canvas<'a>,
        sigmas: &'a [f32],
        previewer: &'a Previewer<'a>,
        cx: &'a Context<'a>,
    ) -> Result<Self> {
        let model = &guider.model;
        let mut prompts: Vec<_> = guider.prompts.iter().map(|prompt| &**prompt).collect();
        let (mut guidance, mut rescale) = (guider.guidance, None);
        match (&model.options.cfg, guidance) {
            (CfgRule::Rescaled(share), Guidance::Cfg(_)) => rescale = Some(*share),
            (CfgRule::PerpNeg(empty, negative), Guidance::Cfg(cfg)) => {
                guidance = Guidance::PerpNeg { cfg, negative: *negative };
                prompts.push(empty);
            }
            _ => {}
        }
        let told_cfg = if let Guidance::Cfg(cfg) = guidance { cfg } else { 1.0 };
        if model.unet.config().time_cond_proj_dim.is_some() && matches!(guidance, Guidance::Cfg(_))
        {
            // A guidance-distilled network was told the strength, and needs no second half for it.
            guidance = Guidance::Positive;
        }
        let mut network = Network::new(model, canvas, told_cfg, cx)?;
        let mut lists = Vec::with_capacity(prompts.len());
        for (i, prompt) in prompts.into_iter().enumerate() {
            let tell = |condition| network.tell(condition, i == 1);
            lists.push(prompt.0.iter().map(tell).collect::<Result<Vec<_>>>()?);
        }
        areas::add_counterparts(&mut lists);
        // The empty prompt of a patch takes no control.
        areas::lend_controls(&mut lists[..guider.prompts.len()]);
        let (shape, between) = (canvas.shape, model.options.guided_between);
        Ok(Self { network, shape, guidance, rescale, between, lists, sigmas, previewer })
    }

    /// The guided clean latent and the one that the negative prompt sees; `both` if the latter is asked for.
    async fn predict(&mut self, x: &[f32], sigma: f32, both: bool) -> Result<Denoised> {
        self.previewer.show().await?;
        let is_guided = self.between.is_none_or(|[high, low]| sigma <= high && sigma > low);
        let needed = match self.guidance {
            Guidance::Positive => 1,
            Guidance::Cfg(_) if !both && !is_guided => 1,
            Guidance::Cfg(cfg) if !both && !guidance::needs_negative(cfg) => 1,
            _ => self.lists.len(),
        };
        let lists = &self.lists[..needed.min(self.lists.len())];
        let step = step_at(self.sigmas, sigma);
        let network = &mut self.network;
        let mut seen =
            areas::denoise_lists(network, lists, x, self.shape, sigma, step).await?.into_iter();
        let mut next = || seen.next().unwrap_or_default();
        let (first, negative, third) = (next(), next(), next());
        if negative.is_empty() {
            return Ok(Denoised { negative: first.clone(), guided: first });
        }
        let batch = self.shape[0];
        let guided = match self.guidance {
            Guidance::Positive => first,
            Guidance::Cfg(cfg) => {
                let guided = guidance::guided(&first, &negative, cfg)?;
                match self.rescale {
                    None => guided,
                    Some(share) => guidance::rescaled(x, &first, guided, sigma, share, batch)?,
                }
            }
            Guidance::Dual { first: cfg, second, nested: false } => {
                let base = guidance::guided(&third, &negative, second)?;
                guidance::towards(&base, &first, &third, cfg)?
            }
            Guidance::Dual { first: cfg, second, nested: true } => {
                let inner = guidance::guided(&first, &third, cfg)?;
                guidance::guided(&inner, &negative, second)?
            }
            Guidance::PerpNeg { cfg, negative: weight } => {
                guidance::perp_neg([&first, &negative, &third], cfg, weight, batch)?
            }
        };
        Ok(Denoised { guided, negative })
    }
}

impl Denoise for Guided<'_> {
    fn denoise<'a>(&'a mut self, x: &'a [f32], sigma: f32) -> LocalBoxFuture<'a, Result<Vec<f32>>> {
        Box::pin(async move { Ok(self.predict(x, sigma, false).await?.guided) })
    }

    fn denoise_both<'a>(
        &'a mut self,
        x: &'a [f32],
        sigma: f32,
    ) -> LocalBoxFuture<'a, Result<Denoised>> {
        Box::pin(self.predict(x, sigma, true))
    }
}

/// The step of a run that works at this level: samplers with two calls a step make the second between two.
fn step_at(sigmas: &[f32], sigma: f32) -> usize {
    let exact = sigmas.iter().position(|known| *known == sigma);
    exact.unwrap_or_else(|| sigmas.iter().skip(1).filter(|known| **known > sigma).count())
}

#[cfg(test)]
mod tests {
    use super::step_at;

    #[test]
    fn a_level_belongs_to_the_step_that_passes_it() {
        let sigmas = [8.0, 4.0, 2.0, 0.0];
        let steps = [9.0, 8.0, 5.0, 4.0, 3.0, 2.0, 0.1].map(|sigma| step_at(&sigmas, sigma));
        assert_eq!(steps, [0, 0, 0, 1, 1, 2, 2]);
        // Levels that go up again are found by themselves.
        assert_eq!(step_at(&[0.1, 2.0, 8.0], 2.0), 1);
    }
}
