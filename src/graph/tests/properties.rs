//! What holds for every graph: many random ones, made by a seeded generator.

use super::plan::{Link, Schedule, Slot, order};
use super::*;

/// Pseudo-random numbers: SplitMix64.
///
/// # Source
///
/// Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators".
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}

/// Links of a random graph without cycles, whose places say nothing of its order.
fn random_links(random: &mut Random, n: usize) -> Vec<Vec<Link>> {
    let mut places: Vec<usize> = (0..n).collect();
    for at in (1..n).rev() {
        places.swap(at, random.below(at + 1));
    }
    let mut links = vec![Vec::new(); n];
    for at in 1..n {
        for _ in 0..random.below(4) {
            let slot = (places[random.below(at)], random.below(3));
            links[places[at]].push(Link { slot, lazy: random.chance(25) });
        }
    }
    links
}

/// All nodes that `start` leads to by links for which `follow` holds.
fn ancestry(
    links: &[Vec<Link>],
    start: &[usize],
    stop: &dyn Fn(usize) -> bool,
    follow: &dyn Fn(&Link) -> bool,
) -> Vec<bool> {
    let mut found = vec![false; links.len()];
    let mut todo = start.to_vec();
    while let Some(node) = todo.pop() {
        if !stop(node) && !std::mem::replace(&mut found[node], true) {
            todo.extend(links[node].iter().filter(|link| follow(link)).map(|link| link.slot.0));
        }
    }
    found
}

#[test]
fn order_is_topological() {
    let mut random = Random(1);
    for _ in 0..500 {
        let n = 1 + random.below(60);
        let links = random_links(&mut random, n);
        let order = order(&links);
        let mut turn = vec![usize::MAX; n];
        for (at, &node) in order.iter().enumerate() {
            turn[node] = at;
        }
        for (node, links) in links.iter().enumerate() {
            assert!(links.iter().all(|link| turn[link.slot.0] < turn[node]));
        }
    }
}

#[test]
fn schedule_runs_what_is_needed_once_and_keeps_what_is_still_to_be_taken() {
    let mut random = Random(2);
    for _ in 0..2000 {
        let n = 1 + random.below(40);
        let links = random_links(&mut random, n);
        let outputs: Vec<usize> = (0..1 + random.below(3)).map(|_| random.below(n)).collect();
        let known: Vec<bool> = (0..n).map(|_| random.chance(15)).collect();
        // What each node asks for is its own affair, and decided before.
        let asked: Vec<Vec<bool>> = links
            .iter()
            .map(|links| links.iter().map(|link| !link.lazy || random.chance(50)).collect())
            .collect();

        let mut schedule = Schedule::new(links.clone(), &outputs, |node| known[node]);
        let mut there: Vec<Slot> = Vec::new();
        let give = |there: &mut Vec<Slot>, schedule: &Schedule, node: usize| {
            let slots = (0..3).map(|output| (node, output));
            there.extend(slots.filter(|&slot| schedule.wants(slot)));
        };
        for node in (0..n).filter(|&node| known[node]) {
            give(&mut there, &schedule, node);
        }
        let mut ran = vec![false; n];
        while let Some(node) = schedule.turn() {
            let wish = (0..links[node].len())
                .filter(|&at| asked[node][at] && schedule.links(node)[at].lazy)
                .collect::<Vec<_>>();
            if !schedule.ask(node, &wish) {
                continue;
            }
            for (link, asked) in links[node].iter().zip(&asked[node]) {
                assert!(!asked || there.contains(&link.slot), "{link:?} of {node} is gone");
            }
            let gone = schedule.begin(node);
            there.retain(|slot| !gone.contains(slot));
            assert!(!std::mem::replace(&mut ran[node], true), "{node} ran twice");
            schedule.finish(node);
            give(&mut there, &schedule, node);
        }
        assert!(there.is_empty(), "{there:?} are kept for nobody");

        let flat: Vec<Vec<Link>> = links
            .iter()
            .zip(&asked)
            .map(|(links, asked)| {
                links
                    .iter()
                    .zip(asked)
                    .map(|(link, asked)| Link { lazy: !asked, ..*link })
                    .collect()
            })
            .collect();
        assert_eq!(ran, ancestry(&flat, &outputs, &|node| known[node], &|link| !link.lazy));
    }
}

/// A random graph of arithmetic: constants, sums, switches, lists of numbers and their totals, each of which
/// is a number, and three that are shown.
fn random_graph(random: &mut Random, n: usize) -> Graph {
    let mut graph = Graph::new();
    for at in 0..n {
        graph.insert(at.to_string(), random_spec(random, at));
    }
    for out in 0..3 {
        graph.insert(format!("out{out}"), node("Show", "value", &random.below(n).to_string()));
    }
    graph
}

/// A node that takes only nodes before it.
fn random_spec(random: &mut Random, at: usize) -> NodeSpec {
    let value = random.below(5) as i64;
    let before = |random: &mut Random| random.below(at.max(1)).to_string();
    match random.below(if at == 0 { 1 } else { 6 }) {
        0 => constant(value),
        1 => NodeSpec::new("Add").linked("a", before(random), 0).linked("b", before(random), 0),
        2 => add(&before(random), value),
        3 => NodeSpec::new("Switch")
            .with("switch", random.chance(50))
            .linked("on_false", before(random), 0)
            .linked("on_true", before(random), 0),
        4 => NodeSpec::new("Total").linked("values", before(random), 0).with("add", value),
        _ => NodeSpec::new("Sum").linked("values.v0", before(random), 0).linked(
            "values.v1",
            before(random),
            0,
        ),
    }
}

/// What a graph shows without any cache.
fn fresh(graph: &Graph) -> RunReport {
    let executor = executor();
    executor.set_cache_bytes(0);
    Bench::default().run(&executor, graph).unwrap()
}

#[test]
fn cache_never_gives_a_stale_value() {
    let mut random = Random(3);
    let mut ran = 0;
    let mut nodes = 0;
    for _ in 0..30 {
        let n = 5 + random.below(25);
        let mut graph = random_graph(&mut random, n);
        let executor = executor();
        // Now and then so little room that results go while others stay.
        executor.set_cache_bytes(if random.chance(30) { 2000 } else { 1 << 20 });
        for _ in 0..150 {
            for _ in 0..1 + random.below(3) {
                let at = random.below(n);
                let spec = random_spec(&mut random, at);
                graph.insert(at.to_string(), spec);
            }
            let bench = Bench::default();
            let report = bench.run(&executor, &graph).unwrap();
            assert_eq!(report, fresh(&graph), "{graph:?}");
            ran += bench.env.ran.borrow().len();
            nodes += graph.len();
        }
    }
    // It would be no test of the cache if everything were made again.
    assert!(ran * 3 < nodes, "{ran} of {nodes} ran");
}

#[test]
fn cache_follows_files_and_draws_under_random_edits() {
    let mut random = Random(4);
    let executor = executor();
    let bench = Bench { files: vec!["a.txt".to_owned()], ..Bench::default() };
    let graph = Graph::new()
        .with("read", NodeSpec::new("Read").with("file", "a.txt"))
        .with("shown", node("Show", "value", "read"))
        .with("draw", NodeSpec::new("Draw"))
        .with("more", node("Add", "a", "draw"))
        .with("drawn", node("Show", "value", "more"));
    for run in 1..=300_i64 {
        let content = format!("content {}", random.below(4));
        bench.env.content.replace(content.clone());
        let report = bench.run(&executor, &graph).unwrap();
        assert_eq!(report.outputs.get("shown"), Some(&json!({"shown": content})));
        assert_eq!(report.outputs.get("drawn"), Some(&json!({"shown": run + 10})));
    }
}
