//! References that lead back to themselves for one and the same value (JSON Schema Core §9.4.1).

use super::node::{Check, Id, Node};

/// The place of a schema that is applied again to the value that it is being applied to.
///
/// It looks for a cycle by going as deep as it can, with a stack of its own: a chain of references may be long.
pub(super) fn find(nodes: &[Node]) -> Option<&str> {
    let after = |id: Id| -> Vec<Id> {
        let node = usize::try_from(id).ok().and_then(|id| nodes.get(id));
        node.into_iter().flat_map(|node| node.checks.iter().flat_map(Check::in_place)).collect()
    };
    let mut states = vec![State::New; nodes.len()];
    for start in 0..nodes.len() {
        if states.get(start) != Some(&State::New) {
            continue;
        }
        let mut stack: Vec<(usize, Vec<Id>)> = Vec::new();
        let mut next = Some(start);
        loop {
            if let Some(id) = next.take() {
                match states.get_mut(id) {
                    Some(state @ State::New) => {
                        *state = State::Open;
                        stack.push((id, after(Id::try_from(id).unwrap_or(Id::MAX))));
                    }
                    Some(State::Open) => return nodes.get(id).map(|node| &*node.place),
                    _ => {}
                }
            }
            let Some((id, rest)) = stack.last_mut() else { break };
            next = rest.pop().and_then(|id| usize::try_from(id).ok());
            if next.is_none() {
                if let Some(state) = states.get_mut(*id) {
                    *state = State::Done;
                }
                stack.pop();
            }
        }
    }
    None
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    /// It is on the way that is being gone.
    Open,
    Done,
}
