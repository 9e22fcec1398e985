//! The names and numbers that the Worker's wasm and its JavaScript agree on.
//!
//! They are written here and nowhere else: `cargo xtask generate` makes `targets/cloudflare/js/wire.gen.ts` of them. Both
//! sides carry the [`VERSION`], which is of every name and number, and compare it when the Worker starts.

mod table;
mod vocabulary;

pub use table::{Entry, Table, Value};
pub use vocabulary::{BodyKind, Edit, Failure, Kind, Stated, Word};

/// Every table, in the order in which it is generated.
pub const TABLES: &[Table] = &[Kind::TABLE, Word::TABLE, BodyKind::TABLE, Stated::TABLE, Edit::TABLE, Failure::TABLE];

/// A fingerprint of all tables, and of [`LAYOUT`].
pub const VERSION: u32 = table::fingerprint(TABLES, LAYOUT);

/// The count of changes to what the tables do not tell: how text is laid out, and what the functions take.
const LAYOUT: u32 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_a_table_is_used_once() {
        for table in TABLES {
            for (index, entry) in table.entries.iter().enumerate() {
                assert!(table.entries.iter().skip(index + 1).all(|other| other.value != entry.value), "{}", entry.name);
            }
        }
    }

    #[test]
    fn numbers_are_read_back_and_others_are_none() {
        for entry in Failure::TABLE.entries {
            let Value::Number(number) = entry.value else { panic!("{} is no number", entry.name) };
            assert_eq!(Failure::from_number(number).map(|failure| failure as u32), Some(number));
        }
        assert_eq!(Failure::from_number(Failure::TABLE.entries.len() as u32), None);
    }

    #[test]
    fn the_version_changes_with_a_name_a_number_and_the_layout() {
        const fn table(name: &'static str, number: u32) -> Table {
            let entries: &[Entry] = match number {
                0 => &[Entry { name: "A", doc: &[], value: Value::Number(0) }],
                _ => &[Entry { name: "A", doc: &[], value: Value::Number(1) }],
            };
            Table { name, doc: &[], entries }
        }
        let version = table::fingerprint(&[table("T", 0)], 1);
        assert_ne!(version, table::fingerprint(&[table("U", 0)], 1));
        assert_ne!(version, table::fingerprint(&[table("T", 1)], 1));
        assert_ne!(version, table::fingerprint(&[table("T", 0)], 2));
    }
}
