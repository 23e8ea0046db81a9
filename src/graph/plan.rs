//! In which order nodes run, and when each value is used for the last time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

/// An output of a node, by the node's place.
pub type Slot = (usize, usize);

/// One node's turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Place of the node.
    pub node: usize,
    /// Values that no later step uses: gone once this node has them.
    pub last_uses: Vec<Slot>,
}

/// The steps that make `outputs`, in order.
///
/// `sources[n]` are the values that node `n` takes. Nodes whose values are `available` are not run, and
/// neither is what only they need. Among nodes that could run, outputs come first, then nodes that an
/// output takes from directly, then those two links away, so that something shows early; between equals
/// the one with the smaller place.
///
/// # Panics
///
/// If nodes wait for each other; validation refuses such graphs.
pub fn plan(
    sources: &[Vec<Slot>],
    outputs: &[usize],
    available: impl Fn(usize) -> bool,
) -> Vec<Step> {
    let needed = needed(sources, outputs, &available);
    let distance = distances(sources, outputs);

    let mut waits: BTreeMap<usize, usize> = BTreeMap::new();
    let mut followers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &node in &needed {
        let befores: BTreeSet<usize> = sources[node]
            .iter()
            .map(|slot| slot.0)
            .filter(|before| needed.contains(before))
            .collect();
        waits.insert(node, befores.len());
        for before in befores {
            followers.entry(before).or_default().push(node);
        }
    }
    let rank = |node: usize| Reverse((distance.get(&node).copied().unwrap_or(FAR).min(FAR), node));
    let mut ready: BinaryHeap<_> =
        waits.iter().filter(|(_, waits)| **waits == 0).map(|(&node, _)| rank(node)).collect();
    let mut steps = Vec::with_capacity(needed.len());
    while let Some(Reverse((_, node))) = ready.pop() {
        steps.push(Step { node, last_uses: Vec::new() });
        for follower in followers.remove(&node).unwrap_or_default() {
            let waits = waits.get_mut(&follower).expect("followers are among the needed nodes");
            *waits -= 1;
            if *waits == 0 {
                ready.push(rank(follower));
            }
        }
    }
    assert_eq!(steps.len(), needed.len(), "a checked graph has no cycle");

    let mut used_later = BTreeSet::new();
    for step in steps.iter_mut().rev() {
        for &slot in &sources[step.node] {
            if used_later.insert(slot) {
                step.last_uses.push(slot);
            }
        }
    }
    steps
}

/// From here on it does not matter how far an output is.
const FAR: usize = 3;

fn needed(
    sources: &[Vec<Slot>],
    outputs: &[usize],
    available: &impl Fn(usize) -> bool,
) -> BTreeSet<usize> {
    let mut needed = BTreeSet::new();
    let mut todo: Vec<usize> = outputs.to_vec();
    while let Some(node) = todo.pop() {
        if !available(node) && needed.insert(node) {
            todo.extend(sources[node].iter().map(|slot| slot.0));
        }
    }
    needed
}

/// How many links each node is away from the nearest output.
fn distances(sources: &[Vec<Slot>], outputs: &[usize]) -> BTreeMap<usize, usize> {
    let mut distance: BTreeMap<usize, usize> = outputs.iter().map(|&node| (node, 0)).collect();
    let mut todo: VecDeque<usize> = outputs.iter().copied().collect();
    while let Some(node) = todo.pop_front() {
        let next = distance[&node] + 1;
        for &(before, _) in &sources[node] {
            distance.entry(before).or_insert_with(|| {
                todo.push_back(before);
                next
            });
        }
    }
    distance
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(steps: &[Step]) -> Vec<usize> {
        steps.iter().map(|step| step.node).collect()
    }

    #[test]
    fn sources_come_first_and_outputs_early() {
        // 0 → 1 → 2 (output) and 3 → 4 → 5 → 6 (output)
        let sources =
            [vec![], vec![(0, 0)], vec![(1, 0)], vec![], vec![(3, 0)], vec![(4, 0)], vec![(5, 0)]];
        assert_eq!(order(&plan(&sources, &[6, 2], |_| false)), [0, 1, 2, 3, 4, 5, 6]);
        // The long way comes last however it is numbered.
        let sources = [vec![(1, 0)], vec![(2, 0)], vec![(3, 0)], vec![], vec![], vec![(4, 0)]];
        assert_eq!(order(&plan(&sources, &[0, 5], |_| false)), [4, 5, 3, 2, 1, 0]);
    }

    #[test]
    fn available_nodes_and_what_only_they_need_stay_out() {
        let sources = [vec![], vec![(0, 0)], vec![(1, 0), (0, 0)]];
        assert_eq!(order(&plan(&sources, &[2], |node| node == 1)), [0, 2]);
        assert_eq!(order(&plan(&sources, &[2], |node| node == 2)), [0; 0]);
    }

    #[test]
    fn last_use_is_known_for_each_output() {
        // 0 gives two values: one for 1, one for 1 and 2.
        let sources = [vec![], vec![(0, 0), (0, 1)], vec![(0, 1), (1, 0), (1, 0)]];
        let steps = plan(&sources, &[2], |_| false);
        assert_eq!(steps[1], Step { node: 1, last_uses: vec![(0, 0)] });
        assert_eq!(steps[2], Step { node: 2, last_uses: vec![(0, 1), (1, 0)] });
    }

    #[test]
    fn deep_graph_needs_no_deep_stack() {
        let n = 50_000;
        let sources: Vec<Vec<Slot>> =
            (0..n).map(|node| if node == 0 { vec![] } else { vec![(node - 1, 0)] }).collect();
        let steps = plan(&sources, &[n - 1], |_| false);
        assert_eq!(order(&steps), (0..n).collect::<Vec<_>>());
    }
}
