//! The check of a document by a compiled schema, within bounds of work and depth.

use super::node::{Check, DynamicAnchor, Id, Node, Properties};
use super::seen::Seen;
use super::{Side, Violation, leaf, words};
use crate::document::pointer::push_token;
use crate::document::{Member, TooMuch, Value};

/// The most steps that a check takes: schemas applied, and what costs about as much.
const MOST_STEPS: usize = 1 << 20;

/// The deepest nesting of schemas that are applied, each of which takes room on the stack: four for each level of the deepest document that is
/// read, and some more.
const DEEPEST: u32 = 520;

/// The way to a value, from the whole document on.
#[derive(Clone, Copy)]
struct Way<'w> {
    before: Option<&'w Self>,
    step: Step<'w>,
}

#[derive(Clone, Copy)]
enum Step<'w> {
    Whole,
    Member(&'w str),
    Item(usize),
}

impl<'w> Way<'w> {
    const WHOLE: Self = Self { before: None, step: Step::Whole };

    const fn member(&'w self, name: &'w str) -> Self {
        Self { before: Some(self), step: Step::Member(name) }
    }

    const fn item(&'w self, index: usize) -> Self {
        Self { before: Some(self), step: Step::Item(index) }
    }

    /// The pointer to the place, or to what it is in, where the names on the way are longer than anybody reads: they are the sender's.
    fn pointer(&self) -> String {
        let mut steps = Vec::new();
        let mut at = Some(self);
        while let Some(way) = at {
            steps.push(way.step);
            at = way.before;
        }
        let mut pointer = String::new();
        for step in steps.into_iter().rev() {
            let before = pointer.len();
            match step {
                Step::Whole => {}
                Step::Member(name) => push_token(&mut pointer, name),
                Step::Item(index) => push_token(&mut pointer, &index.to_string()),
            }
            if pointer.len() > MOST_POINTER_BYTES {
                pointer.truncate(before);
                break;
            }
        }
        pointer
    }
}

/// The longest pointer that is told, in bytes.
const MOST_POINTER_BYTES: usize = 1_024;

/// A check that is going on.
pub(super) struct Run<'s> {
    nodes: &'s [Node],
    anchors: &'s [DynamicAnchor],
    left: usize,
    depth: u32,
    /// The schema resources that have been entered, from the outermost on (JSON Schema Core §7.1).
    scope: Vec<u32>,
    /// Violations, if they are asked for; else the first one ends all.
    found: Option<Vec<Violation>>,
    most: usize,
    side: Option<Side>,
}

impl<'s> Run<'s> {
    /// A check that tells so many violations, or none if only the verdict is asked for.
    pub(super) fn new(
        nodes: &'s [Node],
        anchors: &'s [DynamicAnchor],
        most: Option<usize>,
        side: Option<Side>,
    ) -> Self {
        Self {
            nodes,
            anchors,
            left: MOST_STEPS,
            depth: 0,
            scope: Vec::new(),
            found: most.map(|_| Vec::new()),
            most: most.unwrap_or(0),
            side,
        }
    }

    pub(super) fn whole(&mut self, root: Id, value: &Value) -> Result<bool, TooMuch> {
        self.node(root, value, &Way::WHOLE, None)
    }

    pub(super) fn violations(self) -> Vec<Violation> {
        self.found.unwrap_or_default()
    }

    fn spend(&mut self, steps: usize) -> Result<(), TooMuch> {
        self.left = self.left.checked_sub(steps).ok_or(TooMuch)?;
        Ok(())
    }

    /// Returns whether nothing that follows a violation matters.
    fn is_done(&self) -> bool {
        self.found.as_ref().is_none_or(|found| found.len() >= self.most)
    }

    fn get(&self, id: Id) -> Option<&'s Node> {
        self.nodes.get(usize::try_from(id).ok()?)
    }

    /// Applies a schema. `seen` gets the children that it applies schemas to, where somebody asks for them.
    fn node(&mut self, id: Id, value: &Value, way: &Way<'_>, seen: Option<&mut Seen>) -> Result<bool, TooMuch> {
        self.spend(1)?;
        let Some(node) = self.get(id).filter(|node| !node.checks.is_empty()) else { return Ok(true) };
        if self.depth >= DEEPEST {
            return Err(TooMuch);
        }
        self.depth = self.depth.saturating_add(1);
        let is_entered = self.scope.last() != Some(&node.resource);
        if is_entered {
            self.scope.push(node.resource);
        }
        let verdict = if node.is_tracking {
            // It sees what is in it alone, and not what schemas beside it have seen (JSON Schema Core §11).
            let mut own = Seen::default();
            let verdict = self.checks(node, value, way, Some(&mut own));
            if let Some(seen) = seen {
                self.spend(value.children() / 8)?;
                seen.join(own);
            }
            verdict
        } else {
            self.checks(node, value, way, seen)
        };
        if is_entered {
            self.scope.pop();
        }
        self.depth = self.depth.saturating_sub(1);
        verdict
    }

    fn checks(
        &mut self,
        node: &'s Node,
        value: &Value,
        way: &Way<'_>,
        mut seen: Option<&mut Seen>,
    ) -> Result<bool, TooMuch> {
        let mut is_valid = true;
        for check in &node.checks {
            let holds = match check {
                // The most frequent of all. What takes no other schema needs no more than these two.
                Check::Types(types) if types.take(value) => continue,
                check if check.is_assertion() => self.assertion(node, check, value, way)?,
                check => self.check(node, check, value, way, seen.as_deref_mut())?,
            };
            if !holds {
                is_valid = false;
                if self.is_done() {
                    return Ok(false);
                }
            }
        }
        Ok(is_valid)
    }

    fn check(
        &mut self,
        node: &'s Node,
        check: &'s Check,
        value: &Value,
        way: &Way<'_>,
        seen: Option<&mut Seen>,
    ) -> Result<bool, TooMuch> {
        match (check, value) {
            (Check::Ref(to), value) => self.node(*to, value, way, seen),
            (Check::DynamicRef { name, otherwise }, value) => {
                let to = self.dynamic(*name)?.unwrap_or(*otherwise);
                self.node(to, value, way, seen)
            }
            (Check::Properties(properties), Value::Object(object)) => {
                self.properties(properties, object.members(), way, seen)
            }
            (Check::Items { first, rest }, Value::Array(items)) => self.items(first, *rest, items, way, seen),
            (Check::RequiredOn(side, _), _) if self.side.is_some_and(|own| own != *side) => Ok(true),
            (Check::Required(names) | Check::RequiredOn(_, names), Value::Object(object)) => {
                let mut missing = names.iter().filter(|name| object.place(name).is_none());
                self.missing(node, check, &mut missing, way)
            }
            (Check::AllOf(nodes), value) => self.all(nodes, value, way, seen),
            (Check::AnyOf(nodes) | Check::OneOf(nodes), value) => self.some(node, check, nodes, value, way, seen),
            (Check::Not(to), value) => {
                let is_valid = !self.quietly(*to, value, way, None)?;
                if !is_valid {
                    self.report(node, check, way, &|| "is as the schema in `not` has it".to_owned());
                }
                Ok(is_valid)
            }
            (Check::If { condition, then, otherwise }, value) => {
                self.conditional(*condition, *then, *otherwise, value, way, seen)
            }
            (Check::Contains { .. }, Value::Array(items)) => self.contains(node, check, items, way, seen),
            (Check::PropertyNames(to), Value::Object(object)) => self.names(*to, object.members(), way),
            (Check::DependentSchemas(named), Value::Object(object)) => {
                let present = named.iter().filter(|(name, _)| object.place(name).is_some()).map(|(_, node)| *node);
                let present: Vec<_> = present.collect();
                self.all(&present, value, way, seen)
            }
            (Check::DependentRequired(dependent), Value::Object(object)) => {
                let present = dependent.iter().filter(|(name, _)| object.place(name).is_some());
                let mut missing = present.flat_map(|(_, names)| names).filter(|name| object.place(name).is_none());
                self.missing(node, check, &mut missing, way)
            }
            (Check::UnevaluatedItems(to), Value::Array(_)) | (Check::UnevaluatedProperties(to), Value::Object(_)) => {
                self.unevaluated(*to, value, way, seen)
            }
            (check, value) => self.assertion(node, check, value, way),
        }
    }

    /// Looks at what takes no other schema.
    fn assertion(&mut self, node: &'s Node, check: &'s Check, value: &Value, way: &Way<'_>) -> Result<bool, TooMuch> {
        self.spend(leaf::cost(check, value))?;
        let is_valid = leaf::holds(check, value);
        if !is_valid {
            self.report(node, check, way, &|| match check {
                Check::Never => never(&node.place, way),
                check => words::message(check, value),
            });
        }
        Ok(is_valid)
    }

    /// Adds a violation of `check` in `node`, if they are asked for.
    fn report(&mut self, node: &Node, check: &Check, way: &Way<'_>, message: &dyn Fn() -> String) {
        self.report_at(node, words::keyword(check), way, message);
    }

    fn report_at(&mut self, node: &Node, keyword: &str, way: &Way<'_>, message: &dyn Fn() -> String) {
        let most = self.most;
        if let Some(found) = self.found.as_mut().filter(|found| found.len() < most) {
            let separator = if keyword.is_empty() { "" } else { "/" };
            let keyword = [&node.place, separator, keyword].concat();
            found.push(Violation { pointer: way.pointer(), keyword, message: message() });
        }
    }

    /// Applies a schema for its verdict alone.
    fn quietly(&mut self, id: Id, value: &Value, way: &Way<'_>, seen: Option<&mut Seen>) -> Result<bool, TooMuch> {
        let found = self.found.take();
        let verdict = self.node(id, value, way, seen);
        self.found = found;
        verdict
    }

    /// The schema of the dynamic anchor in the outermost resource that has it (JSON Schema Core §8.2.3.2).
    fn dynamic(&mut self, name: u32) -> Result<Option<Id>, TooMuch> {
        self.spend(self.scope.len())?;
        let find =
            |resource: &u32| self.anchors.iter().find(|anchor| anchor.name == name && anchor.resource == *resource);
        Ok(self.scope.iter().find_map(find).map(|anchor| anchor.node))
    }

    fn missing(
        &mut self,
        node: &Node,
        check: &Check,
        missing: &mut dyn Iterator<Item = &Box<str>>,
        way: &Way<'_>,
    ) -> Result<bool, TooMuch> {
        let mut is_valid = true;
        for name in missing {
            is_valid = false;
            self.report(node, check, way, &|| format!("lacks the member {}", words::quoted(name)));
            if self.is_done() {
                break;
            }
        }
        Ok(is_valid)
    }

    fn properties(
        &mut self,
        properties: &'s Properties,
        members: &[Member],
        way: &Way<'_>,
        mut seen: Option<&mut Seen>,
    ) -> Result<bool, TooMuch> {
        let mut is_valid = true;
        for (index, (name, value)) in members.iter().enumerate() {
            self.spend(1)?;
            let way = way.member(name);
            let mut is_known = false;
            let mut holds = true;
            if let Some(to) = properties.find(name) {
                is_known = true;
                holds = self.node(to, value, &way, None)?;
            }
            for (regex, to) in &properties.patterns {
                self.spend(name.len())?;
                if regex.is_match(name) {
                    is_known = true;
                    holds &= self.node(*to, value, &way, None)?;
                }
            }
            if let Some(to) = properties.others.filter(|_| !is_known) {
                is_known = true;
                holds = self.node(to, value, &way, None)?;
            }
            if let Some(seen) = seen.as_deref_mut().filter(|_| is_known) {
                seen.add(index);
            }
            is_valid &= holds;
            if !is_valid && self.is_done() {
                return Ok(false);
            }
        }
        Ok(is_valid)
    }

    fn items(
        &mut self,
        first: &[Id],
        rest: Option<Id>,
        items: &[Value],
        way: &Way<'_>,
        seen: Option<&mut Seen>,
    ) -> Result<bool, TooMuch> {
        if let Some(seen) = seen {
            if rest.is_some() {
                seen.add_all();
            } else {
                (0..first.len().min(items.len())).for_each(|index| seen.add(index));
            }
        }
        let mut is_valid = true;
        for (index, item) in items.iter().enumerate() {
            let Some(to) = first.get(index).copied().or(rest) else { break };
            is_valid &= self.node(to, item, &way.item(index), None)?;
            if !is_valid && self.is_done() {
                return Ok(false);
            }
        }
        Ok(is_valid)
    }

    fn all(
        &mut self,
        nodes: &[Id],
        value: &Value,
        way: &Way<'_>,
        mut seen: Option<&mut Seen>,
    ) -> Result<bool, TooMuch> {
        let mut is_valid = true;
        for to in nodes {
            is_valid &= self.node(*to, value, way, seen.as_deref_mut())?;
            if !is_valid && self.is_done() {
                return Ok(false);
            }
        }
        Ok(is_valid)
    }

    /// `anyOf` and `oneOf`. Where somebody asks what has been seen, each of the schemas counts, and not only the first that holds.
    fn some(
        &mut self,
        node: &'s Node,
        check: &'s Check,
        nodes: &[Id],
        value: &Value,
        way: &Way<'_>,
        mut seen: Option<&mut Seen>,
    ) -> Result<bool, TooMuch> {
        let is_one = matches!(check, Check::OneOf(_));
        let mut count = 0_usize;
        for to in nodes {
            let mut own = seen.is_some().then(Seen::default);
            if !self.quietly(*to, value, way, own.as_mut())? {
                continue;
            }
            count = count.saturating_add(1);
            if let (Some(seen), Some(own)) = (seen.as_deref_mut(), own) {
                self.spend(value.children() / 8)?;
                seen.join(own);
            } else if !is_one || count > 1 {
                break;
            }
        }
        let is_valid = if is_one { count == 1 } else { count > 0 };
        if is_valid || self.found.is_none() {
            return Ok(is_valid);
        }
        self.report(node, check, way, &|| match (count, nodes.len()) {
            (0, 1) => "is not as the one schema has it".to_owned(),
            (0, all) => format!("is as none of the {all} schemas has it"),
            _ => "is as more than one of the schemas has it".to_owned(),
        });
        // Of one schema that is likely to be meant it is told why.
        let mut likely = nodes.iter().filter(|to| self.is_likely(**to, value, 8));
        let only = likely.next().copied().filter(|_| likely.next().is_none());
        if let Some(only) = only.filter(|_| count == 0 && !self.is_done()) {
            self.node(only, value, way, None)?;
        }
        Ok(false)
    }

    /// Returns whether the schema is for values such as this one, by its type and by members that tell kinds apart.
    fn is_likely(&self, id: Id, value: &Value, hops: u32) -> bool {
        let Some(node) = self.get(id) else { return false };
        node.checks.iter().all(|check| match (check, value) {
            (Check::Never | Check::Types(_) | Check::Values { .. }, value) => leaf::holds(check, value),
            (Check::Ref(to), value) => hops == 0 || self.is_likely(*to, value, hops.saturating_sub(1)),
            (Check::Properties(properties), Value::Object(object)) => properties.named.iter().all(|(name, to)| {
                let checks = self.get(*to).map(|node| &*node.checks).unwrap_or_default();
                let mut kinds = checks.iter().filter(|check| matches!(check, Check::Values { .. }));
                object.get(name).is_none_or(|value| kinds.all(|check| leaf::holds(check, value)))
            }),
            _ => true,
        })
    }

    fn conditional(
        &mut self,
        condition: Id,
        then: Option<Id>,
        otherwise: Option<Id>,
        value: &Value,
        way: &Way<'_>,
        mut seen: Option<&mut Seen>,
    ) -> Result<bool, TooMuch> {
        let mut own = seen.is_some().then(Seen::default);
        let holds = self.quietly(condition, value, way, own.as_mut())?;
        if let (true, Some(seen), Some(own)) = (holds, seen.as_deref_mut(), own) {
            self.spend(value.children() / 8)?;
            seen.join(own);
        }
        match if holds { then } else { otherwise } {
            Some(to) => self.node(to, value, way, seen),
            None => Ok(true),
        }
    }

    fn contains(
        &mut self,
        node: &'s Node,
        check: &'s Check,
        items: &[Value],
        way: &Way<'_>,
        mut seen: Option<&mut Seen>,
    ) -> Result<bool, TooMuch> {
        let Check::Contains { node: to, least: stated, most } = check else { return Ok(true) };
        let least = stated.unwrap_or(1);
        let mut count = 0_u64;
        for (index, item) in items.iter().enumerate() {
            if self.quietly(*to, item, &way.item(index), None)? {
                count = count.saturating_add(1);
                if let Some(seen) = seen.as_deref_mut() {
                    seen.add(index);
                } else if most.is_none() && count >= least {
                    break;
                }
            }
        }
        if let Some(most) = most.filter(|most| count > *most) {
            self.report_at(node, "maxContains", way, &|| {
                format!("has {count} elements of a kind that it may have {most} of")
            });
            return Ok(false);
        }
        if count < least {
            let keyword = if stated.is_some() { "minContains" } else { "contains" };
            self.report_at(node, keyword, way, &|| {
                format!("has {count} elements of a kind that it has to have {least} of")
            });
            return Ok(false);
        }
        Ok(true)
    }

    fn names(&mut self, to: Id, members: &[Member], way: &Way<'_>) -> Result<bool, TooMuch> {
        let mut is_valid = true;
        for (name, _) in members {
            let before = self.found.as_ref().map_or(0, Vec::len);
            is_valid &= self.node(to, &Value::String(name.clone()), &way.member(name), None)?;
            for violation in self.found.iter_mut().flatten().skip(before) {
                violation.message.insert_str(0, "has a name that ");
            }
            if !is_valid && self.is_done() {
                return Ok(false);
            }
        }
        Ok(is_valid)
    }

    /// JSON Schema Core §11.2, §11.3: the schema for all that no other one has been applied to.
    fn unevaluated(&mut self, to: Id, value: &Value, way: &Way<'_>, seen: Option<&mut Seen>) -> Result<bool, TooMuch> {
        let Some(seen) = seen else { return Ok(true) };
        let mut is_valid = true;
        for index in (0..value.children()).filter(|index| !seen.has(*index)) {
            let Some(child) = value.child(index) else { break };
            let way = match value {
                Value::Object(object) => way.member(object.members().get(index).map_or("", |(name, _)| name)),
                _ => way.item(index),
            };
            is_valid &= self.node(to, child, &way, None)?;
            if !is_valid && self.is_done() {
                return Ok(false);
            }
        }
        seen.add_all();
        Ok(is_valid)
    }
}

/// The words for the schema `false` at this place.
fn never(place: &str, way: &Way<'_>) -> String {
    let is_member = place.ends_with("/additionalProperties") || place.ends_with("/unevaluatedProperties");
    let is_item = place.ends_with("/items") || place.ends_with("/unevaluatedItems");
    match way.step {
        Step::Member(_) if is_member => "is a member that the schema does not have".to_owned(),
        Step::Item(_) if is_item => "is an element more than the schema has".to_owned(),
        _ => "may not be there".to_owned(),
    }
}
