//! The index of routes: hosts by hash, then one trie of path segments, walked in the order of precedence.
//!
//! A walk goes back to the next best branch whenever the visitor turns a candidate down. It reaches every node at most
//! once, because a node is reached by one way only: so it takes at most as many steps as the trie has nodes that fit the
//! path, whatever the path, and never more calls in depth than the longest pattern has segments.

use std::collections::HashMap;
use std::hash::Hasher;
use std::ops::Range;

use hashbrown::HashTable;
use rustc_hash::{FxBuildHasher, FxHasher};

use super::pattern::split_segment;
use super::rank::{lists_head, precedence};
use super::{HostPattern, MethodSet, Segment, Spec, Tail};

/// No node, or no terminal.
const NONE: u32 = u32::MAX;

#[derive(Debug, Default)]
pub(super) struct Trie {
    exact: HashMap<Box<str>, u32, FxBuildHasher>,
    subdomains: HashMap<Box<str>, u32, FxBuildHasher>,
    any: Option<u32>,
    nodes: Vec<Node>,
    /// Every literal segment under every node.
    edges: HashTable<Edge>,
    /// Where each terminal's candidates are.
    terminals: Vec<Range<usize>>,
    candidates: Vec<Candidate>,
}

#[derive(Debug)]
pub(super) struct Node {
    /// The child for any segment.
    parameter: u32,
    /// The patterns that end here.
    end: u32,
    catch_all: u32,
    prefix: u32,
    /// One more than the length of the longest literal below; 0 without any. Longer segments are not even hashed.
    literals: u32,
    /// Whether it stands for a host, before the first segment.
    pub(super) is_root: bool,
}

#[derive(Debug)]
struct Edge {
    parent: u32,
    child: u32,
    segment: Box<str>,
}

/// A spec in the order of trying.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) spec: u32,
    pub(super) accepted: MethodSet,
    /// Whether it has predicates.
    pub(super) conditional: bool,
}

/// What can stand at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    End,
    CatchAll,
    Prefix,
}

impl Trie {
    pub(super) fn build(specs: &[Spec]) -> Self {
        let mut trie = Self::default();
        let mut places = Vec::with_capacity(specs.len());
        for (index, spec) in specs.iter().enumerate() {
            let rank = precedence(spec) << 1 | u64::from(!lists_head(spec));
            places.push((trie.insert(spec), rank, id(index)));
        }
        places.sort_unstable();
        trie.terminals = vec![0..0; trie.terminals.len()];
        for (place, (terminal, _, index)) in places.into_iter().enumerate() {
            let Some(spec) = specs.get(index as usize) else { continue };
            trie.candidates.push(Candidate {
                spec: index,
                accepted: spec.methods.accepted(),
                conditional: spec.predicates().next().is_some(),
            });
            if let Some(range) = trie.terminals.get_mut(terminal as usize) {
                let start = if range.start == range.end { place } else { range.start };
                *range = start..place + 1;
            }
        }
        trie
    }

    /// Shows `visit` the candidates whose host and path fit, best first, until it returns something.
    pub(super) fn walk<T>(&self, host: &str, path: &str, visit: &mut impl FnMut(&Candidate) -> Option<T>) -> Option<T> {
        let rest = path.strip_prefix('/')?;
        if let Some(root) = self.exact.get(host)
            && let Some(found) = self.descend(*root, Some(rest), visit)
        {
            return Some(found);
        }
        if !self.subdomains.is_empty() {
            let mut parent = host;
            while let Some((label, after)) = parent.split_once('.') {
                parent = after;
                // INVARIANT: as in `HostPattern::matches`, the wildcard stands for something.
                if label.is_empty() && parent.len() + 1 == host.len() {
                    continue;
                }
                if let Some(root) = self.subdomains.get(parent)
                    && let Some(found) = self.descend(*root, Some(rest), visit)
                {
                    return Some(found);
                }
            }
        }
        self.any.and_then(|root| self.descend(root, Some(rest), visit))
    }

    fn descend<T>(&self, node: u32, rest: Option<&str>, visit: &mut impl FnMut(&Candidate) -> Option<T>) -> Option<T> {
        let at = self.node(node)?;
        let Some(rest) = rest else {
            return self.show(at.end, visit).or_else(|| self.show(at.prefix, visit));
        };
        let (segment, after) = split_segment(rest);
        if segment.len() < at.literals as usize
            && let Some(child) = self.literal(node, segment)
            && let Some(found) = self.descend(child, after, visit)
        {
            return Some(found);
        }
        // Empty segments are but at the end: a path with an empty one here has nothing after it.
        if !segment.is_empty() {
            if at.parameter != NONE
                && let Some(found) = self.descend(at.parameter, after, visit)
            {
                return Some(found);
            }
            if let Some(found) = self.show(at.catch_all, visit) {
                return Some(found);
            }
        }
        self.show(at.prefix, visit)
    }

    fn show<T>(&self, terminal: u32, visit: &mut impl FnMut(&Candidate) -> Option<T>) -> Option<T> {
        if terminal == NONE {
            return None;
        }
        self.terminal(terminal).iter().find_map(visit)
    }

    fn terminal(&self, terminal: u32) -> &[Candidate] {
        self.terminals.get(terminal as usize).and_then(|range| self.candidates.get(range.clone())).unwrap_or(&[])
    }

    /// Every node with its id.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (u32, &Node)> {
        self.nodes.iter().enumerate().map(|(index, node)| (id(index), node))
    }

    pub(super) fn node(&self, node: u32) -> Option<&Node> {
        self.nodes.get(node as usize)
    }

    /// The candidates at a node, best first.
    pub(super) fn candidates(&self, node: &Node, kind: Kind) -> &[Candidate] {
        self.terminal(match kind {
            Kind::End => node.end,
            Kind::CatchAll => node.catch_all,
            Kind::Prefix => node.prefix,
        })
    }

    /// The candidates of every path pattern on every host, each list best first.
    pub(super) fn all_candidates(&self) -> impl Iterator<Item = &[Candidate]> {
        (0..id(self.terminals.len())).map(|terminal| self.terminal(terminal))
    }

    /// The child for any segment.
    pub(super) fn parameter(&self, node: &Node) -> Option<u32> {
        (node.parameter != NONE).then_some(node.parameter)
    }

    /// The child for this segment alone.
    pub(super) fn literal(&self, parent: u32, segment: &str) -> Option<u32> {
        let same = |edge: &Edge| edge.parent == parent && *edge.segment == *segment;
        self.edges.find(hash(parent, segment), same).map(|edge| edge.child)
    }

    /// The terminal of the pattern.
    fn insert(&mut self, spec: &Spec) -> u32 {
        let mut at = self.root(&spec.host);
        for segment in &spec.path.segments {
            at = match segment {
                Segment::Literal(text) => self.literal(at, text).unwrap_or_else(|| self.add_literal(at, text)),
                Segment::Parameter(_) => match self.nodes.get(at as usize).map(|node| node.parameter) {
                    Some(child) if child != NONE => child,
                    _ => {
                        let child = self.add_node(false);
                        if let Some(node) = self.nodes.get_mut(at as usize) {
                            node.parameter = child;
                        }
                        child
                    }
                },
            };
        }
        let fresh = id(self.terminals.len());
        let Some(node) = self.nodes.get_mut(at as usize) else { return NONE };
        let terminal = match spec.path.tail {
            Tail::End => &mut node.end,
            Tail::CatchAll(_) => &mut node.catch_all,
            Tail::Prefix => &mut node.prefix,
        };
        if *terminal == NONE {
            *terminal = fresh;
            self.terminals.push(0..0);
        }
        *terminal
    }

    fn root(&mut self, host: &HostPattern) -> u32 {
        let known = match host {
            HostPattern::Exact(name) => self.exact.get(name),
            HostPattern::Subdomains(parent) => self.subdomains.get(parent),
            HostPattern::Any => self.any.as_ref(),
        };
        if let Some(root) = known {
            return *root;
        }
        let root = self.add_node(true);
        match host {
            HostPattern::Exact(name) => drop(self.exact.insert(name.clone(), root)),
            HostPattern::Subdomains(parent) => drop(self.subdomains.insert(parent.clone(), root)),
            HostPattern::Any => self.any = Some(root),
        }
        root
    }

    fn add_literal(&mut self, parent: u32, segment: &str) -> u32 {
        let child = self.add_node(false);
        if let Some(node) = self.nodes.get_mut(parent as usize) {
            node.literals = node.literals.max(id(segment.len() + 1));
        }
        let edge = Edge { parent, child, segment: segment.into() };
        self.edges.insert_unique(hash(parent, segment), edge, |edge| hash(edge.parent, &edge.segment));
        child
    }

    fn add_node(&mut self, is_root: bool) -> u32 {
        let node = Node { parameter: NONE, end: NONE, catch_all: NONE, prefix: NONE, literals: 0, is_root };
        self.nodes.push(node);
        id(self.nodes.len() - 1)
    }
}

/// Lists are far from 2³² long: the configuration they come from would be larger than memory.
fn id(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(NONE)
}

/// Fixed, not seeded: what is stored comes from the configuration, so that no client can make collisions.
fn hash(parent: u32, segment: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_u32(parent);
    hasher.write(segment.as_bytes());
    hasher.finish()
}
