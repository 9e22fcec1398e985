//! The errors found so far.

use core::cell::RefCell;
use std::collections::BTreeMap;

use crate::config::error::{Error, ErrorKind, Report};
use crate::config::tree::{Extent, Node};
use crate::config::{MOST_MISTAKES, Variable};

/// The errors found so far, and the source of variables.
pub(super) struct Log<'v> {
    pub(super) variables: &'v dyn Fn(&str) -> Variable,
    reports: RefCell<Vec<Report>>,
    /// The missing fields reported so far, by the start of the object that lacks them.
    missing: RefCell<BTreeMap<u32, Vec<&'static str>>>,
}

impl<'v> Log<'v> {
    pub(super) fn new(variables: &'v dyn Fn(&str) -> Variable) -> Self {
        Self { variables, reports: RefCell::default(), missing: RefCell::default() }
    }

    #[cold]
    pub(super) fn record(&self, error: Error) {
        let report = error.into_report();
        if !matches!(report.kind, ErrorKind::Consequence) {
            self.reports.borrow_mut().push(report);
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.reports.borrow().len() >= MOST_MISTAKES
    }

    pub(super) fn into_reports(self) -> Vec<Report> {
        self.reports.into_inner()
    }

    /// The fields that were expected instead of the unknown one at `extent`, if one was reported there.
    pub(super) fn unknown_at(&self, extent: Extent) -> Option<&'static [&'static str]> {
        self.reports.borrow().iter().find_map(|report| match report.kind {
            ErrorKind::Field { expected } if report.extent == Some(extent) => Some(expected),
            _ => None,
        })
    }

    pub(super) fn missing_from(&self, node: &Node<'_>) -> Vec<&'static str> {
        self.missing.borrow().get(&node.extent.start).cloned().unwrap_or_default()
    }

    /// Records that `field` is missing from `node`; `false` if that was known.
    pub(super) fn is_news(&self, node: &Node<'_>, field: &'static str) -> bool {
        let mut missing = self.missing.borrow_mut();
        let fields = missing.entry(node.extent.start).or_default();
        let news = !fields.contains(&field);
        if news {
            fields.push(field);
        }
        news
    }
}
