//! The properties under the committed corpus, and under what that becomes by chance.

use std::fs;
use std::path::{Path, PathBuf};

use edgeway_hostile::{PROPERTIES, Property};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

/// What each property is tried with. A fuzzer tries some millions.
const CASES: u32 = 20_000;

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = files.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    all.sort();
    assert!(!all.is_empty(), "{}", folder.display());
    all
}

/// A change of a text: a byte set, one taken out, one put in, a part doubled, a part of another text put in.
type Change = (u8, Index, Index, u8);

fn changed(mut text: Vec<u8>, others: &[(PathBuf, Vec<u8>)], changes: &[Change]) -> Vec<u8> {
    for (kind, at, other, byte) in changes {
        let place = at.index(text.len() + 1);
        match kind % 5 {
            0 if place < text.len() => text[place] = *byte,
            1 if place < text.len() => drop(text.remove(place)),
            2 => text.insert(place, *byte),
            3 => {
                let part = text[place..].to_vec();
                text.extend_from_slice(&part[..part.len().min(64)]);
            }
            _ => {
                let (_, other) = &others[other.index(others.len())];
                let from = usize::from(*byte) % (other.len() + 1);
                text.splice(place..place, other[from..other.len().min(from + 32)].iter().copied());
            }
        }
    }
    text
}

fn hold(name: &str, property: Property) {
    let corpus = corpus(name);
    for (_, text) in &corpus {
        property(text);
    }
    let change = (any::<u8>(), any::<Index>(), any::<Index>(), any::<u8>());
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let strategy = (any::<Index>(), proptest::collection::vec(change, 0..8));
    let tried = runner.run(&strategy, |(index, changes)| {
        let (_, text) = &corpus[index.index(corpus.len())];
        property(&changed(text.clone(), &corpus, &changes));
        Ok(())
    });
    if let Err(error) = tried {
        panic!("{name}: {error}");
    }
}

macro_rules! properties {
    ($($name:ident),*) => {
        $(#[test]
        fn $name() {
            let (name, property) = PROPERTIES.iter().find(|(name, _)| *name == stringify!($name)).unwrap();
            hold(name, *property);
        })*

        #[test]
        fn every_property_is_tried() {
            let names: Vec<_> = PROPERTIES.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

properties!(jwt, authorization, cookie, path, signature);
