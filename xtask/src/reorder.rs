//! Puts functions of a wasm that are alike beside each other: `gzip`, and so the size of a Worker, knows no more than the last 32 KiB.
//!
//! Which function comes first means nothing to an engine; calls and tables follow the functions to their new indexes.

use std::collections::{HashMap, VecDeque};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{CodeSection, FunctionSection, Module};
use wasmparser::{CodeSectionReader, FunctionBody, FunctionSectionReader, Operator, Parser, Payload, TypeRef};

/// The part of what was written last that a function is compared with: DEFLATE's window (RFC 1951 §2), with some room for what lies between.
const WINDOW: usize = 30_000;

/// The length of the pieces that functions have in common.
const PIECE: usize = 5;

/// A piece that more functions have says little.
const COMMON: usize = 200;

/// Small functions are alike by chance: as many pieces more are asked of each.
const DOUBT: usize = 16;

/// The indexes that take one byte in LEB128 (WebAssembly core §5.2.2).
const SHORT: usize = 128;

/// Writes the functions of `wasm` in the order in which they compress best.
pub(crate) fn functions(wasm: &Path) -> Result<()> {
    let content = std::fs::read(wasm)?;
    let reordered = reordered(&content).with_context(|| format!("`{}`", wasm.display()))?;
    std::fs::write(wasm, reordered).with_context(|| format!("`{}`", wasm.display()))
}

fn reordered(content: &[u8]) -> Result<Vec<u8>> {
    let (mut imported, mut bodies) = (0, Vec::new());
    for payload in Parser::new(0).parse_all(content) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += usize::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body),
            _ => {}
        }
    }
    let first = most_called(imported, &bodies)?;
    let texts: Vec<&[u8]> = bodies.iter().map(FunctionBody::as_bytes).collect();
    let order = order(&texts, &first);
    let mut places = vec![0; order.len()];
    for (place, function) in order.iter().enumerate() {
        *places.get_mut(*function).context("a function that is not there")? = place;
    }
    let mut module = Module::new();
    Reorder { imported, order, places }
        .parse_core_module(&mut module, Parser::new(0), content)
        .map_err(|error| anyhow!("{error}"))?;
    Ok(module.finish())
}

/// The functions that are called most, as many as have a short index.
fn most_called(imported: usize, bodies: &[FunctionBody<'_>]) -> Result<Vec<usize>> {
    let mut calls = vec![0_usize; bodies.len()];
    for body in bodies {
        for operator in body.get_operators_reader()? {
            if let Operator::Call { function_index } = operator?
                && let Some(index) = (function_index as usize).checked_sub(imported)
            {
                *calls.get_mut(index).context("a call of no function")? += 1;
            }
        }
    }
    let mut most: Vec<usize> = (0..bodies.len()).collect();
    most.sort_by_key(|function| core::cmp::Reverse(calls.get(*function)));
    most.truncate(SHORT.saturating_sub(imported));
    Ok(most)
}

/// The order of `bodies` that begins with `first`: each time the one that has most in common with those just before.
fn order(bodies: &[&[u8]], first: &[usize]) -> Vec<usize> {
    let shared = Shared::of(bodies);
    let mut order = Vec::with_capacity(bodies.len());
    let mut left: Vec<bool> = vec![true; bodies.len()];
    let mut window = Window::new(&shared, bodies);
    let mut begin = first.iter();
    while order.len() < bodies.len() {
        let next = begin.next().copied().or_else(|| window.most_alike(&left));
        let Some(next) = next else { break };
        if let Some(left) = left.get_mut(next) {
            *left = false;
        }
        order.push(next);
        window.enter(next);
    }
    order
}

/// The pieces that several functions have, and the functions that have them.
struct Shared {
    functions: Vec<Vec<usize>>,
    pieces: Vec<Vec<usize>>,
}

impl Shared {
    fn of(bodies: &[&[u8]]) -> Self {
        let mut holders: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for (function, body) in bodies.iter().enumerate() {
            for piece in body.windows(PIECE) {
                let functions = holders.entry(piece).or_default();
                if functions.last() != Some(&function) {
                    functions.push(function);
                }
            }
        }
        let mut functions: Vec<_> = holders.into_values().filter(|held| (2..=COMMON).contains(&held.len())).collect();
        // In an order that does not depend on the map's.
        functions.sort_unstable();
        let mut pieces = vec![Vec::new(); bodies.len()];
        for (piece, held) in functions.iter().enumerate() {
            for function in held {
                if let Some(pieces) = pieces.get_mut(*function) {
                    pieces.push(piece);
                }
            }
        }
        Self { functions, pieces }
    }
}

/// The functions written last, and how much each other one has in common with them.
struct Window<'a> {
    shared: &'a Shared,
    bodies: &'a [&'a [u8]],
    inside: VecDeque<usize>,
    bytes: usize,
    /// How often a piece is inside.
    present: Vec<usize>,
    /// How many of a function's pieces are inside.
    common: Vec<usize>,
}

impl<'a> Window<'a> {
    fn new(shared: &'a Shared, bodies: &'a [&'a [u8]]) -> Self {
        let (present, common) = (vec![0; shared.functions.len()], vec![0; bodies.len()]);
        Self { shared, bodies, inside: VecDeque::new(), bytes: 0, present, common }
    }

    fn enter(&mut self, function: usize) {
        self.inside.push_back(function);
        self.bytes += self.count(function, true);
        while self.bytes > WINDOW && self.inside.len() > 1 {
            let Some(function) = self.inside.pop_front() else { break };
            self.bytes -= self.count(function, false);
        }
    }

    /// Counts the pieces of a function in or out, and returns its length.
    fn count(&mut self, function: usize, is_in: bool) -> usize {
        for piece in self.shared.pieces.get(function).into_iter().flatten() {
            let Some(present) = self.present.get_mut(*piece) else { continue };
            let was_absent = *present == 0;
            *present = if is_in { *present + 1 } else { *present - 1 };
            if was_absent || *present == 0 {
                for other in self.shared.functions.get(*piece).into_iter().flatten() {
                    if let Some(common) = self.common.get_mut(*other) {
                        *common = if is_in { *common + 1 } else { *common - 1 };
                    }
                }
            }
        }
        self.bodies.get(function).map_or(0, |body| body.len())
    }

    /// The function among those `left` whose pieces are inside for the greatest part.
    fn most_alike(&self, left: &[bool]) -> Option<usize> {
        let part = |function: &usize| {
            let common = self.common.get(*function).copied().unwrap_or_default();
            let all = self.shared.pieces.get(*function).map_or(0, Vec::len);
            // Millionths, so that equal parts are equal.
            (common * 1_000_000 / (all + DOUBT), core::cmp::Reverse(*function))
        };
        (0..left.len()).filter(|function| left.get(*function) == Some(&true)).max_by_key(part)
    }
}

/// Writes a module with its functions in another order.
struct Reorder {
    imported: usize,
    /// The functions, by their place in the new module.
    order: Vec<usize>,
    /// The places in the new module, by function.
    places: Vec<usize>,
}

impl Reencode for Reorder {
    type Error = core::convert::Infallible;

    fn function_index(&mut self, func: u32) -> Result<u32, reencode::Error<Self::Error>> {
        let place = (func as usize).checked_sub(self.imported).and_then(|own| self.places.get(own));
        Ok(place.and_then(|place| u32::try_from(place + self.imported).ok()).unwrap_or(func))
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), reencode::Error<Self::Error>> {
        let types = section.into_iter().collect::<Result<Vec<_>, _>>()?;
        for function in &self.order {
            if let Some(kind) = types.get(*function) {
                functions.function(*kind);
            }
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), reencode::Error<Self::Error>> {
        let bodies = section.into_iter().collect::<Result<Vec<_>, _>>()?;
        for function in self.order.clone() {
            if let Some(body) = bodies.get(function) {
                self.parse_function_body(code, body.clone())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]
mod tests {
    use std::io::Write as _;

    use wasm_encoder::{
        ConstExpr, ElementSection, Elements, EntityType, ExportKind, ExportSection, Function, ImportSection, RefType,
        TableSection, TableType, TypeSection, ValType,
    };
    use wasmparser::{ExternalKind, Validator};

    use super::*;

    /// The kinds of functions; together they are longer than the window.
    const KINDS: u32 = 40;

    /// A function that calls `callee`, after constants that are those of its kind, and its mark.
    fn function(callee: u32, mark: i32) -> Function {
        let mut function = Function::new([]);
        let mut constant = callee % KINDS;
        for _ in 0..200 {
            constant = constant.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            function.instructions().i32_const(constant.cast_signed()).drop();
        }
        function.instructions().i32_const(mark).drop().call(callee).end();
        function
    }

    /// An import, and functions of all kinds in turn; each calls the one before. All are exported by their mark, and in a table.
    fn module(count: u32) -> Vec<u8> {
        let mut module = Module::new();
        let mut types = TypeSection::new();
        types.ty().function([], []);
        // Functions of another type, so that types have to follow their functions.
        types.ty().function([ValType::I32], []);
        module.section(&types);
        let mut imports = ImportSection::new();
        imports.import("host", "imported", EntityType::Function(0));
        module.section(&imports);
        let mut functions = FunctionSection::new();
        (0..count).for_each(|index| {
            functions.function(u32::from(index + 1 == count));
        });
        module.section(&functions);
        let mut tables = TableSection::new();
        let table = u64::from(count) + 1;
        tables.table(TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum: table,
            maximum: Some(table),
            shared: false,
        });
        module.section(&tables);
        let mut exports = ExportSection::new();
        (0..count).for_each(|index| {
            exports.export(&format!("mark {}", 70_000 + index), ExportKind::Func, index + 1);
        });
        module.section(&exports);
        let mut elements = ElementSection::new();
        let all: Vec<u32> = (0..=count).collect();
        elements.active(None, &ConstExpr::i32_const(0), Elements::Functions(all.into()));
        module.section(&elements);
        let mut code = CodeSection::new();
        (0..count).for_each(|index| {
            code.function(&function(index, 70_000 + index.cast_signed()));
        });
        module.section(&code);
        module.finish()
    }

    /// Functions by their marks.
    struct Read {
        /// In their order, each with the one that it calls.
        calls: Vec<(i32, i32)>,
        exported: Vec<(String, i32)>,
        table: Vec<i32>,
    }

    fn read(module: &[u8]) -> Read {
        let (mut bodies, mut exported, mut table) = (Vec::new(), Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(module) {
            match payload.unwrap() {
                Payload::CodeSectionEntry(body) => {
                    let (mut mark, mut callee) = (0, 0);
                    for operator in body.get_operators_reader().unwrap() {
                        match operator.unwrap() {
                            Operator::I32Const { value } => mark = value,
                            Operator::Call { function_index } => callee = function_index,
                            _ => {}
                        }
                    }
                    bodies.push((mark, callee));
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export.unwrap();
                        assert_eq!(export.kind, ExternalKind::Func);
                        exported.push((export.name.to_owned(), export.index));
                    }
                }
                Payload::ElementSection(elements) => {
                    for element in elements {
                        let wasmparser::ElementItems::Functions(functions) = element.unwrap().items else { panic!() };
                        table.extend(functions.into_iter().map(Result::unwrap));
                    }
                }
                _ => {}
            }
        }
        let mark = |index: u32| index.checked_sub(1).map_or(0, |own| bodies.get(own as usize).unwrap().0);
        let calls = bodies.iter().map(|(own, callee)| (*own, mark(*callee))).collect();
        let exported = exported.into_iter().map(|(name, index)| (name, mark(index))).collect();
        Read { calls, exported, table: table.into_iter().map(mark).collect() }
    }

    #[test]
    fn every_index_leads_to_the_function_that_it_led_to() {
        let module = module(200);
        let reordered = reordered(&module).unwrap();
        Validator::new().validate_all(&reordered).unwrap();
        let (mut before, mut after) = (read(&module), read(&reordered));
        assert_ne!(before.calls, after.calls);
        assert_eq!(before.exported, after.exported);
        assert_eq!(before.table, after.table);
        before.calls.sort_unstable();
        after.calls.sort_unstable();
        assert_eq!(before.calls, after.calls);
    }

    #[test]
    fn functions_that_are_alike_come_close_together() {
        let compressed = |module: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(module).unwrap();
            encoder.finish().unwrap().len()
        };
        let module = module(300);
        let reordered = reordered(&module).unwrap();
        assert!(
            compressed(&reordered) * 4 < compressed(&module) * 3,
            "{} and {}",
            compressed(&reordered),
            compressed(&module)
        );
    }

    #[test]
    fn the_order_is_the_same_each_time() {
        let module = module(200);
        assert_eq!(reordered(&module).unwrap(), reordered(&module).unwrap());
    }
}
