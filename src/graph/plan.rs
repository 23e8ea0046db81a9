//! In which order nodes run, and when each value is used for the last time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

/// An output of a node, by the node's place.
pub type Slot = (usize, usize);

/// What one input of a node takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The output.
    pub slot: Slot,
    /// True if it is made only when the node asks for it.
    pub lazy: bool,
}

/// All nodes, each after those it is linked to.
///
/// # Panics
///
/// If nodes wait for each other; validation refuses such graphs.
pub fn order(links: &[Vec<Link>]) -> Vec<usize> {
    let mut waits: Vec<usize> = links.iter().map(Vec::len).collect();
    let mut followers = vec![Vec::new(); links.len()];
    for (node, links) in links.iter().enumerate() {
        for link in links {
            followers[link.slot.0].push(node);
        }
    }
    let mut order: Vec<usize> = (0..links.len()).filter(|&node| waits[node] == 0).collect();
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        next += 1;
        for &follower in &followers[node] {
            waits[follower] -= 1;
            if waits[follower] == 0 {
                order.push(follower);
            }
        }
    }
    assert_eq!(order.len(), links.len(), "a checked graph has no cycle");
    order
}

/// Whose turn it is, while nodes finish and ask for more.
///
/// A node is *needed* once an output or another needed node waits for it; behind a lazy link it is not,
/// until it is asked for. Among nodes that could run, outputs come first, then nodes that an output takes
/// from directly, then those two links away, so that something shows early; between equals the one with
/// the smaller place.
///
/// A value is *wanted* as long as a node that is or may become needed has a link to it.
pub struct Schedule {
    links: Vec<Vec<Link>>,
    states: Vec<State>,
    /// How many links of a needed node lead to nodes that are not done.
    waits: Vec<usize>,
    /// Needed nodes that wait for this one, once for each link.
    followers: Vec<Vec<usize>>,
    /// How many links of nodes that may still run lead to this node; an output has one more.
    users: Vec<usize>,
    /// The same for each value.
    uses: BTreeMap<Slot, usize>,
    distances: Vec<u8>,
    ready: BinaryHeap<Reverse<(u8, usize)>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody waits for it so far.
    Idle,
    Needed,
    /// Its values are there, or were.
    Done,
}

impl Schedule {
    /// The schedule of a run for `outputs`, where `links[n]` are the inputs of node `n` and the values of
    /// some nodes are `available`.
    pub fn new(
        links: Vec<Vec<Link>>,
        outputs: &[usize],
        available: impl Fn(usize) -> bool,
    ) -> Self {
        let count = links.len();
        let state = |node| if available(node) { State::Done } else { State::Idle };
        let mut schedule = Self {
            distances: distances(&links, outputs),
            links,
            states: (0..count).map(state).collect(),
            waits: vec![0; count],
            followers: vec![Vec::new(); count],
            users: vec![0; count],
            uses: BTreeMap::new(),
            ready: BinaryHeap::new(),
        };
        for &output in outputs {
            schedule.hold(output);
        }
        for &output in outputs {
            schedule.need(output);
        }
        schedule
    }

    /// The node whose turn it is; `None` when all is done.
    pub fn turn(&mut self) -> Option<usize> {
        self.ready.pop().map(|Reverse((_, node))| node)
    }

    /// What this node's inputs take. Those it asked for are not lazy any more.
    pub fn links(&self, node: usize) -> &[Link] {
        &self.links[node]
    }

    /// Takes up that the node whose turn it is needs these of its links. True if all of them are there
    /// already; if not, its turn comes again.
    pub fn ask(&mut self, node: usize, asked: &[usize]) -> bool {
        for &at in asked {
            self.links[node][at].lazy = false;
            self.wait(node, self.links[node][at].slot.0);
        }
        self.waits[node] == 0
    }

    /// Takes up that the node whose turn it is has all it needs. Gives the values nobody else wants.
    pub fn begin(&mut self, node: usize) -> Vec<Slot> {
        let mut gone = Vec::new();
        let mut todo = vec![node];
        while let Some(node) = todo.pop() {
            for link in std::mem::take(&mut self.links[node]) {
                let (source, _) = link.slot;
                if let Some(uses) = self.uses.get_mut(&link.slot) {
                    *uses -= 1;
                    if *uses == 0 {
                        self.uses.remove(&link.slot);
                        gone.push(link.slot);
                    }
                }
                self.users[source] -= 1;
                // Nobody can ask for it any more, so that what it would have taken is free as well.
                if self.users[source] == 0 && self.states[source] == State::Idle {
                    todo.push(source);
                }
            }
        }
        gone
    }

    /// Takes up that the values of this node are there.
    pub fn finish(&mut self, node: usize) {
        self.states[node] = State::Done;
        for follower in std::mem::take(&mut self.followers[node]) {
            self.waits[follower] -= 1;
            if self.waits[follower] == 0 {
                self.ready.push(Reverse((self.distances[follower], follower)));
            }
        }
    }

    /// True if a node that may still run takes this value.
    pub fn wants(&self, slot: Slot) -> bool {
        self.uses.contains_key(&slot)
    }

    /// True if the node is needed, and not done.
    pub fn needs(&self, node: usize) -> bool {
        self.states[node] == State::Needed
    }

    /// Counts a user of this node, and all that it may take if it is the first.
    fn hold(&mut self, node: usize) {
        let mut todo = vec![node];
        while let Some(node) = todo.pop() {
            self.users[node] += 1;
            if self.users[node] == 1 && self.states[node] == State::Idle {
                for link in &self.links[node] {
                    *self.uses.entry(link.slot).or_insert(0) += 1;
                    todo.push(link.slot.0);
                }
            }
        }
    }

    fn need(&mut self, node: usize) {
        let mut todo = vec![node];
        while let Some(node) = todo.pop() {
            if self.states[node] != State::Idle {
                continue;
            }
            self.states[node] = State::Needed;
            for at in 0..self.links[node].len() {
                let Link { slot: (source, _), lazy } = self.links[node][at];
                if !lazy && self.states[source] != State::Done {
                    self.waits[node] += 1;
                    self.followers[source].push(node);
                    todo.push(source);
                }
            }
            if self.waits[node] == 0 {
                self.ready.push(Reverse((self.distances[node], node)));
            }
        }
    }

    fn wait(&mut self, node: usize, source: usize) {
        if self.states[source] != State::Done {
            self.waits[node] += 1;
            self.followers[source].push(node);
            self.need(source);
        }
    }
}

/// From here on it does not matter how far an output is.
const FAR: u8 = 3;

/// How many links each node is away from the nearest output.
fn distances(links: &[Vec<Link>], outputs: &[usize]) -> Vec<u8> {
    let mut distances = vec![FAR; links.len()];
    let mut todo = VecDeque::new();
    for &output in outputs {
        distances[output] = 0;
        todo.push_back(output);
    }
    while let Some(node) = todo.pop_front() {
        let next = distances[node] + 1;
        for link in &links[node] {
            let (before, _) = link.slot;
            if next < distances[before] {
                distances[before] = next;
                todo.push_back(before);
            }
        }
    }
    distances
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eager(slots: &[&[Slot]]) -> Vec<Vec<Link>> {
        let links =
            |slots: &&[Slot]| slots.iter().map(|&slot| Link { slot, lazy: false }).collect();
        slots.iter().map(links).collect()
    }

    /// Runs a schedule to its end: the nodes, and what was free when each of them began.
    fn run(
        links: Vec<Vec<Link>>,
        outputs: &[usize],
        available: impl Fn(usize) -> bool,
    ) -> (Vec<usize>, Vec<Vec<Slot>>) {
        let mut schedule = Schedule::new(links, outputs, available);
        let (mut nodes, mut gone) = (Vec::new(), Vec::new());
        while let Some(node) = schedule.turn() {
            nodes.push(node);
            gone.push(schedule.begin(node));
            schedule.finish(node);
        }
        (nodes, gone)
    }

    #[test]
    fn sources_come_first_and_outputs_early() {
        // 0 → 1 → 2 (output) and 3 → 4 → 5 → 6 (output)
        let links = eager(&[&[], &[(0, 0)], &[(1, 0)], &[], &[(3, 0)], &[(4, 0)], &[(5, 0)]]);
        assert_eq!(run(links, &[6, 2], |_| false).0, [0, 1, 2, 3, 4, 5, 6]);
        // The long way comes last however it is numbered.
        let links = eager(&[&[(1, 0)], &[(2, 0)], &[(3, 0)], &[], &[], &[(4, 0)]]);
        assert_eq!(run(links, &[0, 5], |_| false).0, [4, 5, 3, 2, 1, 0]);
    }

    #[test]
    fn available_nodes_and_what_only_they_need_stay_out() {
        let links = eager(&[&[], &[(0, 0)], &[(1, 0), (0, 0)]]);
        assert_eq!(run(links.clone(), &[2], |node| node == 1).0, [0, 2]);
        assert_eq!(run(links, &[2], |node| node == 2).0, [0; 0]);
    }

    #[test]
    fn last_use_is_known_for_each_output() {
        // 0 gives two values: one for 1, one for 1 and 2.
        let links = eager(&[&[], &[(0, 0), (0, 1)], &[(0, 1), (1, 0), (1, 0)]]);
        let (_, gone) = run(links, &[2], |_| false);
        assert_eq!(gone, [vec![], vec![(0, 0)], vec![(0, 1), (1, 0)]]);
    }

    #[test]
    fn lazy_link_is_followed_when_it_is_asked_for() {
        // 3 (output) may take 1 and 2, both of which take 0.
        let lazy = |slot| Link { slot, lazy: true };
        let mut links = eager(&[&[], &[(0, 0)], &[(0, 0)], &[]]);
        links[3] = vec![lazy((1, 0)), lazy((2, 0))];
        let mut schedule = Schedule::new(links, &[3], |_| false);
        assert_eq!(schedule.turn(), Some(3));
        assert!(!schedule.needs(2) && schedule.wants((0, 0)));
        assert!(!schedule.ask(3, &[1]));
        for node in [0, 2] {
            assert_eq!(schedule.turn(), Some(node));
            assert_eq!(schedule.begin(node), []);
            schedule.finish(node);
        }
        // 1 might still be asked for, and then take what 0 gave.
        assert_eq!(schedule.turn(), Some(3));
        assert!(schedule.wants((0, 0)));
        assert!(schedule.ask(3, &[]));
        let mut gone = schedule.begin(3);
        gone.sort_unstable();
        assert_eq!(gone, [(0, 0), (1, 0), (2, 0)]);
        schedule.finish(3);
        assert_eq!(schedule.turn(), None);
    }

    #[test]
    fn what_is_there_already_need_not_be_waited_for() {
        let mut links = eager(&[&[], &[(0, 0)]]);
        links[1].push(Link { slot: (0, 1), lazy: true });
        let mut schedule = Schedule::new(links, &[1], |node| node == 0);
        assert_eq!(schedule.turn(), Some(1));
        assert!(schedule.ask(1, &[1]));
        assert_eq!(schedule.begin(1), [(0, 0), (0, 1)]);
    }

    #[test]
    fn deep_graph_needs_no_deep_stack() {
        let n = 50_000;
        let slots: Vec<Vec<Slot>> = (0..n)
            .map(|node: usize| node.checked_sub(1).map(|before| (before, 0)).into_iter().collect())
            .collect();
        let slots: Vec<&[Slot]> = slots.iter().map(Vec::as_slice).collect();
        let links = eager(&slots);
        assert_eq!(order(&links), (0..n).collect::<Vec<_>>());
        assert_eq!(run(links, &[n - 1], |_| false).0, (0..n).collect::<Vec<_>>());
    }
}
