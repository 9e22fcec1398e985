//! The index of routes: hosts by hash, then one trie of path segments, walked in the order of precedence.
//!
//! A walk goes back to the next best branch whenever the visitor turns a candidate down. It reaches every node at most
//! once, because a node is reached by one way only: so it takes at most as many steps as the trie has nodes that fit the
//! path, whatever the path, and never more calls in depth than the longest pattern has segments.

use std::collections::HashMap;
use std::hash::Hasher;

use hashbrown::HashTable;
use rustc_hash::{FxBuildHasher, FxHasher};

use crate::config::Ties;
use crate::net::Scheme;
use crate::order;

use super::crowd::{CROWDED, Crowd};
use super::pattern::{Shape, split_segment};
use super::rank::{lists_head, precedence};
use super::{HostPattern, Lookup, MethodSet, Segment, Spec, Tail};

#[derive(Debug, Default)]
pub(super) struct Trie {
    /// The hosts of specs for any scheme.
    hosts: Hosts,
    /// Those of specs for one scheme, which go first.
    by_scheme: Vec<(Scheme, Hosts)>,
    nodes: Vec<Node>,
    /// Every literal segment under every node.
    edges: HashTable<Edge>,
    /// The texts of all edges, one after the other: so they lie close together.
    texts: String,
    candidates: Vec<Candidate>,
    /// Runs of many candidates, by their start.
    crowds: HashMap<u32, Crowd, FxBuildHasher>,
}

/// Where the paths of each host begin.
#[derive(Debug, Default)]
struct Hosts {
    exact: HashMap<Box<str>, u32, FxBuildHasher>,
    subdomains: HashMap<Box<str>, u32, FxBuildHasher>,
    any: Option<u32>,
}

/// The parts of a request that a walk may look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// The whole request.
    All,
    /// All but the headers and cookies, which count as meeting every predicate.
    WithoutHeaders,
    /// All but the version, which counts as the one that is asked for.
    WithoutVersion,
}

/// A request on its way.
#[derive(Clone, Copy)]
struct Walk<'l, 'r, 'h> {
    lookup: &'l Lookup<'r, 'h>,
    sight: Sight,
}

#[derive(Debug, Default)]
pub(super) struct Node {
    /// The child for any segment.
    parameter: Option<u32>,
    /// One more than the length of the longest literal below; 0 without any. Longer segments are not even hashed.
    literals: u32,
    end: Run,
    catch_all: Run,
    prefix: Run,
    regex: Run,
    /// Set if the node stands for a host, before the first segment.
    pub(super) is_root: bool,
}

/// The candidates of one pattern.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    start: u32,
    end: u32,
}

#[derive(Debug)]
struct Edge {
    parent: u32,
    child: u32,
    start: u32,
    end: u32,
}

/// A spec in the order of trying, with all that most requests need of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) spec: u32,
    pub(super) route: u32,
    pub(super) accepted: MethodSet,
    /// Set if the spec has predicates.
    pub(super) conditional: bool,
    pub(super) shape: Shape,
}

/// A kind of pattern that can end at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    End,
    CatchAll,
    Prefix,
    Regex,
}

impl Trie {
    pub(super) fn build(specs: &[Spec]) -> Self {
        let mut trie = Self::default();
        let mut ends = Vec::with_capacity(specs.len());
        for (index, spec) in specs.iter().enumerate() {
            let (rank, accepted) = (precedence(spec) << 1, spec.methods.accepted());
            let (node, kind) = trie.insert(spec);
            let rest = accepted.without(MethodSet::HEAD);
            let mut end = |rank, accepted| ends.push((node, kind, rank, id(index), accepted));
            if !lists_head(spec) {
                end(rank | 1, accepted);
            } else if spec.ties == Ties::First && !rest.is_empty() {
                // Where the order of the list decides, it does so for every method but HEAD.
                end(rank, MethodSet::HEAD);
                end(rank | 1, rest);
            } else {
                end(rank, accepted);
            }
        }
        order::sort_by(&mut ends, |(node, kind, rank, index, _), other| {
            (node, kind, rank, index).cmp(&(&other.0, &other.1, &other.2, &other.3))
        });
        trie.candidates.reserve_exact(ends.len());
        for (position, (node, kind, _, index, accepted)) in ends.into_iter().enumerate() {
            let (Some(spec), Some(node)) = (specs.get(index as usize), trie.nodes.get_mut(node as usize)) else {
                continue;
            };
            let run = match kind {
                Kind::End => &mut node.end,
                Kind::CatchAll => &mut node.catch_all,
                Kind::Prefix => &mut node.prefix,
                Kind::Regex => &mut node.regex,
            };
            let start = if run.start == run.end { id(position) } else { run.start };
            *run = Run { start, end: id(position + 1) };
            trie.candidates.push(Candidate {
                spec: index,
                route: id(spec.route),
                accepted,
                conditional: spec.predicates().next().is_some() || kind == Kind::Regex,
                shape: spec.path.shape(),
            });
        }
        let runs = trie.nodes.iter().flat_map(|node| [node.end, node.catch_all, node.prefix, node.regex]);
        let crowds = runs.filter_map(|run| Some((run.start, Crowd::of(trie.run(run), specs)?))).collect();
        trie.crowds = crowds;
        trie
    }

    /// Shows `visit` the candidates whose host and path fit, best first, until it returns something. Those that are sure to
    /// fail on a field may be left out.
    pub(super) fn walk<T>(
        &self,
        lookup: &Lookup<'_, '_>,
        sight: Sight,
        visit: &mut impl FnMut(&Candidate) -> Option<T>,
    ) -> Option<T> {
        if !self.by_scheme.is_empty() {
            let own = self.by_scheme.iter().find(|(scheme, _)| *scheme == lookup.client.scheme);
            if let Some((_, hosts)) = own
                && let Some(found) = self.walk_hosts(hosts, lookup, sight, visit)
            {
                return Some(found);
            }
        }
        self.walk_hosts(&self.hosts, lookup, sight, visit)
    }

    #[inline]
    fn walk_hosts<T>(
        &self,
        hosts: &Hosts,
        lookup: &Lookup<'_, '_>,
        sight: Sight,
        visit: &mut impl FnMut(&Candidate) -> Option<T>,
    ) -> Option<T> {
        let (host, walk) = (lookup.host, Walk { lookup, sight });
        let rest = lookup.path.strip_prefix('/')?;
        if let Some(root) = hosts.exact.get(host)
            && let Some(found) = self.descend(walk, *root, Some(rest), visit)
        {
            return Some(found);
        }
        if !hosts.subdomains.is_empty() {
            let mut parent = host;
            while let Some((label, after)) = parent.split_once('.') {
                parent = after;
                // INVARIANT: as in `HostPattern::matches`, the wildcard stands for something.
                if label.is_empty() && parent.len() + 1 == host.len() {
                    continue;
                }
                if let Some(root) = hosts.subdomains.get(parent)
                    && let Some(found) = self.descend(walk, *root, Some(rest), visit)
                {
                    return Some(found);
                }
            }
        }
        hosts.any.and_then(|root| self.descend(walk, root, Some(rest), visit))
    }

    fn descend<T>(
        &self,
        walk: Walk<'_, '_, '_>,
        node: u32,
        rest: Option<&str>,
        visit: &mut impl FnMut(&Candidate) -> Option<T>,
    ) -> Option<T> {
        let at = self.node(node)?;
        let Some(rest) = rest else {
            return self.show(walk, at.end, visit).or_else(|| self.show(walk, at.prefix, visit));
        };
        let (segment, after) = split_segment(rest);
        if segment.len() < at.literals as usize
            && let Some(child) = self.literal(node, segment)
            && let Some(found) = self.descend(walk, child, after, visit)
        {
            return Some(found);
        }
        if at.regex.start != at.regex.end
            && let Some(found) = self.show(walk, at.regex, visit)
        {
            return Some(found);
        }
        // No parameter takes an empty segment.
        if !segment.is_empty() {
            if let Some(child) = at.parameter
                && let Some(found) = self.descend(walk, child, after, visit)
            {
                return Some(found);
            }
            if let Some(found) = self.show(walk, at.catch_all, visit) {
                return Some(found);
            }
        }
        self.show(walk, at.prefix, visit)
    }

    fn show<T>(&self, walk: Walk<'_, '_, '_>, run: Run, visit: &mut impl FnMut(&Candidate) -> Option<T>) -> Option<T> {
        let candidates = self.run(run);
        if candidates.len() >= CROWDED
            && let Some(crowd) = self.crowds.get(&run.start)
            && crowd.is_seen(walk.sight)
        {
            return crowd.indexes(walk.lookup).filter_map(|index| candidates.get(index as usize)).find_map(visit);
        }
        candidates.iter().find_map(visit)
    }

    fn run(&self, run: Run) -> &[Candidate] {
        self.candidates.get(run.start as usize..run.end as usize).unwrap_or(&[])
    }

    /// Every pattern with candidates: its node and kind, and the node's number.
    pub(super) fn patterns(&self) -> impl Iterator<Item = (u32, &Node, Kind)> {
        let kinds = [Kind::End, Kind::CatchAll, Kind::Prefix, Kind::Regex];
        self.nodes.iter().enumerate().flat_map(move |(index, node)| kinds.map(|kind| (id(index), node, kind)))
    }

    pub(super) fn node(&self, node: u32) -> Option<&Node> {
        self.nodes.get(node as usize)
    }

    /// The candidates at a node, best first.
    pub(super) fn candidates(&self, node: &Node, kind: Kind) -> &[Candidate] {
        self.run(match kind {
            Kind::End => node.end,
            Kind::CatchAll => node.catch_all,
            Kind::Prefix => node.prefix,
            Kind::Regex => node.regex,
        })
    }

    /// The child for any segment.
    pub(super) const fn parameter(&self, node: &Node) -> Option<u32> {
        node.parameter
    }

    /// The child for this segment alone.
    pub(super) fn literal(&self, parent: u32, segment: &str) -> Option<u32> {
        let same = |edge: &Edge| edge.parent == parent && self.text(edge) == segment;
        self.edges.find(hash(parent, segment), same).map(|edge| edge.child)
    }

    fn text(&self, edge: &Edge) -> &str {
        self.texts.get(edge.start as usize..edge.end as usize).unwrap_or("")
    }

    /// Makes room for the pattern's candidates, and returns their node and kind.
    fn insert(&mut self, spec: &Spec) -> (u32, Kind) {
        let mut at = self.root(spec.scheme, &spec.host);
        for segment in &spec.path.segments {
            at = match segment {
                Segment::Literal(text) => self.literal(at, text).unwrap_or_else(|| self.add_literal(at, text)),
                Segment::Parameter(_) => match self.node(at).and_then(|node| node.parameter) {
                    Some(child) => child,
                    None => self.add_parameter(at),
                },
            };
        }
        let kind = match spec.path.tail {
            Tail::End => Kind::End,
            Tail::CatchAll(_) => Kind::CatchAll,
            Tail::Prefix => Kind::Prefix,
            Tail::Regex(_) => Kind::Regex,
        };
        (at, kind)
    }

    fn root(&mut self, scheme: Option<Scheme>, host: &HostPattern) -> u32 {
        let next = id(self.nodes.len());
        let hosts = match scheme {
            None => &mut self.hosts,
            Some(scheme) => {
                let known = self.by_scheme.iter().position(|(known, _)| *known == scheme);
                let at = known.unwrap_or(self.by_scheme.len());
                if known.is_none() {
                    self.by_scheme.push((scheme, Hosts::default()));
                }
                let Some((_, hosts)) = self.by_scheme.get_mut(at) else { return next };
                hosts
            }
        };
        let root = match host {
            HostPattern::Exact(name) => *hosts.exact.entry(name.clone()).or_insert(next),
            HostPattern::Subdomains(parent) => *hosts.subdomains.entry(parent.clone()).or_insert(next),
            HostPattern::Any => *hosts.any.get_or_insert(next),
        };
        if root == next {
            self.add_node(Node { is_root: true, ..Node::default() });
        }
        root
    }

    fn add_parameter(&mut self, parent: u32) -> u32 {
        let child = self.add_node(Node::default());
        if let Some(node) = self.nodes.get_mut(parent as usize) {
            node.parameter = Some(child);
        }
        child
    }

    fn add_literal(&mut self, parent: u32, segment: &str) -> u32 {
        let child = self.add_node(Node::default());
        if let Some(node) = self.nodes.get_mut(parent as usize) {
            node.literals = node.literals.max(id(segment.len() + 1));
        }
        let start = id(self.texts.len());
        self.texts.push_str(segment);
        let edge = Edge { parent, child, start, end: id(self.texts.len()) };
        let texts = &self.texts;
        self.edges.insert_unique(hash(parent, segment), edge, |edge| {
            hash(edge.parent, texts.get(edge.start as usize..edge.end as usize).unwrap_or(""))
        });
        child
    }

    fn add_node(&mut self, node: Node) -> u32 {
        self.nodes.push(node);
        id(self.nodes.len() - 1)
    }
}

/// Lists are far from 2³² long: the configuration they come from would be larger than memory.
fn id(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Fixed, not seeded: what is stored comes from the configuration, so that no client can make collisions.
fn hash(parent: u32, segment: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_u32(parent);
    hasher.write(segment.as_bytes());
    hasher.finish()
}
