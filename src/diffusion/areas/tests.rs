use std::future::Future;
use std::task::{Context, Poll, Waker};

use super::*;

/// Condition `c` answers `x·(c + 1) + 10·c`, whatever the part; calls are written down.
#[derive(Default)]
struct Linear {
    calls: Vec<Vec<(usize, Rect)>>,
}

impl Parts for Linear {
    fn denoise_parts<'a>(
        &'a mut self,
        parts: &'a [Part],
        _: f32,
    ) -> LocalBoxFuture<'a, Result<Vec<Vec<f32>>>> {
        self.calls.push(parts.iter().map(|part| (part.condition, part.area)).collect());
        let answer = |part: &Part| -> Vec<f32> {
            let c = part.condition as f32;
            part.x.iter().map(|x| x * (c + 1.0) + 10.0 * c).collect()
        };
        let answers = parts.iter().map(answer).collect();
        Box::pin(async move { Ok(answers) })
    }
}

/// The networks here never wait.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the network waited"),
    }
}

fn one_list(entries: Vec<Entry>, x: &[f32], shape: [usize; 4]) -> Vec<f32> {
    let lists = [entries];
    now(denoise_lists(&mut Linear::default(), &lists, x, shape, 1.0, 0)).unwrap().remove(0)
}

fn rect(y: usize, x: usize, height: usize, width: usize) -> Rect {
    Rect { y, x, height, width }
}

fn with_area(condition: usize, area: Rect) -> Entry {
    Entry { area: Some(area), ..Entry::new(condition) }
}

#[test]
fn one_condition_is_the_network_itself_whatever_its_strength() {
    let x = [1.0, -2.0, 0.5, 4.0];
    for strength in [0.5, 1.0, 4.0] {
        let entry = Entry { strength, ..Entry::new(0) };
        assert_eq!(one_list(vec![entry], &x, [1, 1, 2, 2]), x);
    }
}

#[test]
fn strengths_weigh_conditions_against_each_other() {
    let entries = vec![Entry { strength: 3.0, ..Entry::new(0) }, Entry::new(1)];
    // (3·2 + 1·(2·2 + 10)) / 4
    assert_eq!(one_list(entries, &[2.0; 4], [1, 1, 2, 2]), [5.0; 4]);
}

#[test]
fn an_area_is_cut_out_and_fades_out_inside_the_picture_only() {
    // 8 columns on the left of 16: a quarter of the side is 2, so the ramp is 1/2, 1 from the right edge.
    let area = with_area(1, rect(0, 0, 4, 8));
    let weights = area.weights([4, 16]);
    assert_eq!(weights, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5].repeat(4));
    let out = one_list(vec![Entry::new(0), area.clone()], &[1.0; 64], [1, 1, 4, 16]);
    // Together: (1·1 + w·12) / (1 + w); without the area: 1.
    let row: Vec<f32> = [6.5; 7].into_iter().chain([7.0 / 1.5]).chain([1.0; 8]).collect();
    assert_eq!(out, row.repeat(4));
    // Alone: the network's answer in the area, nothing outside.
    let out = one_list(vec![area], &[1.0; 64], [1, 1, 4, 16]);
    let row: Vec<f32> = [12.0; 8].into_iter().chain([0.0; 8]).collect();
    assert_eq!(out, row.repeat(4));
}

#[test]
fn a_ramp_is_8_positions_at_most_and_multiplies_in_the_corners() {
    let weights = with_area(0, rect(4, 4, 40, 40)).weights([64, 64]);
    assert_eq!(weights[20 * 40..][..9], [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0, 1.0]);
    assert_eq!(
        [weights[0], weights[41], weights[40 * 40 - 1]],
        [1.0 / 64.0, 1.0 / 16.0, 1.0 / 64.0]
    );
    // Less than 4 positions have no ramp.
    assert_eq!(with_area(0, rect(1, 1, 3, 3)).weights([8, 8]), [1.0; 9]);
}

#[test]
fn a_mask_replaces_the_ramp_and_is_taken_in_turn_by_the_batch() {
    let mask: Rc<[f32]> = vec![0.0, 1.0, 0.25, 0.0].into();
    let masked = Entry { mask: Some(mask), ..Entry::new(1) };
    // Three pictures of two positions, two masks of two: the third picture has the first mask.
    let out = one_list(vec![Entry::new(0), masked.clone()], &[0.0; 6], [3, 1, 1, 2]);
    assert_eq!(out, [0.0, 5.0, 2.0, 0.0, 0.0, 5.0]);
    let cut = Entry { area: Some(rect(0, 1, 1, 1)), strength: 2.0, ..masked };
    assert_eq!(cut.weights([1, 2]), [2.0, 0.0]);
}

#[test]
fn what_does_not_count_at_the_moment_is_not_computed() {
    let early = Entry { to_sigma: 2.0, ..Entry::new(0) };
    let late = Entry { from_sigma: 2.0, ..Entry::new(1) };
    let even = Entry { steps: Some(Rc::new(BTreeSet::from([0, 2]))), ..Entry::new(2) };
    let lists = [vec![early, late, even]];
    let conditions = |sigma, step| {
        let mut network = Linear::default();
        let out = now(denoise_lists(&mut network, &lists, &[1.0], [1, 1, 1, 1], sigma, step));
        let calls = network.calls.concat().into_iter().map(|(condition, _)| condition);
        (calls.collect::<Vec<_>>(), out.unwrap()[0][0])
    };
    assert_eq!(conditions(3.0, 0), (vec![0, 2], 12.0));
    assert_eq!(conditions(2.0, 1), (vec![0, 1], 6.5));
    assert_eq!(conditions(1.0, 1), (vec![1], 12.0));
    let never = [vec![Entry { from_sigma: 0.5, ..Entry::new(0) }]];
    let out = now(denoise_lists(&mut Linear::default(), &never, &[1.0], [1, 1, 1, 1], 1.0, 0));
    assert_eq!(out.unwrap(), [[0.0]]);
}

#[test]
fn both_lists_go_to_the_network_together_by_size() {
    let area = rect(0, 0, 1, 2);
    let lists = [vec![Entry::new(0), with_area(1, area)], vec![Entry::new(2), with_area(2, area)]];
    let mut network = Linear::default();
    now(denoise_lists(&mut network, &lists, &[1.0; 4], [1, 1, 2, 2], 1.0, 0)).unwrap();
    let whole = Rect::whole([2, 2]);
    assert_eq!(network.calls, [[(0, whole), (2, whole)], [(1, area), (2, area)]]);
}

#[test]
fn an_area_gets_a_counterpart_from_the_narrowest_cover() {
    let (small, wide) = (rect(2, 2, 4, 4), rect(0, 0, 8, 8));
    let entry = Entry { strength: 0.7, from_sigma: 5.0, ..with_area(0, small) };
    let mut lists = [vec![entry.clone()], vec![Entry::new(1), with_area(2, wide)]];
    add_counterparts(&mut lists);
    assert_eq!(lists[1][2], Entry { condition: 2, ..entry });
    // The wide one has no cover on the other side.
    assert_eq!((lists[0].len(), lists[1].len()), (1, 3));
    // Entries of the same area need nothing, and neither do those without one.
    let mut lists = [vec![with_area(0, small)], vec![Entry::new(1), with_area(2, small)]];
    add_counterparts(&mut lists);
    assert_eq!((lists[0].len(), lists[1].len()), (1, 2));
}

#[test]
fn parts_under_different_controls_go_to_the_network_apart() {
    let under = |condition, control| Entry { control, ..Entry::new(condition) };
    let lists = [vec![under(0, Some(1)), under(1, None)], vec![under(2, None), under(3, Some(1))]];
    let mut network = Linear::default();
    now(denoise_lists(&mut network, &lists, &[1.0; 4], [1, 1, 2, 2], 1.0, 0)).unwrap();
    let whole = Rect::whole([2, 2]);
    assert_eq!(network.calls, [[(0, whole), (3, whole)], [(1, whole), (2, whole)]]);
}

#[test]
fn a_control_is_lent_to_prompts_that_have_none() {
    let lending = |control| Entry { control: Some(control), lends_control: true, ..Entry::new(0) };
    let controls = |list: &[Entry]| list.iter().map(|e| e.control).collect::<Vec<_>>();
    let lent = |first: Vec<Entry>, other: Vec<Entry>| {
        let mut lists = [first, other];
        lend_controls(&mut lists);
        controls(&lists[1])
    };
    assert_eq!(lent(vec![lending(4)], vec![Entry::new(1)]), [Some(4)]);
    // One after the other; the last one counts where there are more than places.
    let plain = || vec![Entry::new(1), Entry::new(2)];
    assert_eq!(lent(vec![lending(4), lending(5), lending(6)], plain()), [Some(6), Some(5)]);
    assert_eq!(lent(vec![lending(4)], plain()), [Some(4), None]);
    // Whoever keeps it lends nothing.
    let kept = Entry { lends_control: false, ..lending(4) };
    assert_eq!(lent(vec![kept], plain()), [None, None]);
    // A list with a control of its own takes none.
    let own = || vec![Entry { control: Some(9), ..Entry::new(1) }, Entry::new(2)];
    assert_eq!(lent(vec![lending(4)], own()), [Some(9), None]);
    // Areas neither lend nor take, and do not count as having one.
    let area = rect(0, 0, 1, 1);
    let lent_by_area = vec![Entry { area: Some(area), ..lending(4) }];
    assert_eq!(lent(lent_by_area, plain()), [None, None]);
    let owned = Entry { control: Some(9), ..with_area(1, area) };
    assert_eq!(lent(vec![lending(4)], vec![owned, Entry::new(2)]), [Some(9), Some(4)]);
}

#[test]
fn a_counterpart_is_under_the_control_of_the_entry() {
    let entry = Entry { control: Some(3), ..with_area(0, rect(0, 0, 2, 2)) };
    let mut lists = [vec![entry], vec![Entry { control: Some(5), ..Entry::new(1) }]];
    add_counterparts(&mut lists);
    assert_eq!((lists[1][1].condition, lists[1][1].control), (1, Some(3)));
}

#[test]
fn rectangles_are_cut_to_the_latent_or_refused() {
    assert_eq!(rect(2, 3, 9, 1).within([4, 4]).unwrap(), rect(2, 3, 2, 1));
    for outside in [rect(4, 0, 1, 1), rect(0, 4, 1, 1), rect(0, 0, 0, 4)] {
        let error = outside.within([4, 4]).unwrap_err();
        assert!(error.kind().code() == "mismatch" && error.fix().is_some(), "{error}");
    }
}

#[test]
fn the_rectangle_around_a_mask_has_8_positions_a_side_at_least() {
    let mut plane = vec![0.0; 20 * 10];
    assert_eq!(Rect::around(&plane, 10), rect(0, 0, 8, 8));
    plane[3 * 10 + 2] = 0.1;
    assert_eq!(Rect::around(&plane, 10), rect(3, 2, 8, 8));
    plane[15 * 10 + 1] = -1.0;
    assert_eq!(Rect::around(&plane, 10), rect(3, 1, 13, 8));
}
