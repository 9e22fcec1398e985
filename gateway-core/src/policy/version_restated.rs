//! What a request states of the version of an API, as its upstream is to see it.
//!
//! The rules of one version hold for the request: whatever else it says of versions must not have the upstream answer by another.

use http::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};

use super::header_edit::remove_aliases;
use crate::call::Call;
use crate::error::Reject;
use crate::http::{percent, query};
use crate::route::{Source, Versions, media_parameter};

/// Has `call`, which is for the version with the index `chosen`, state the version `served` and no other: where it has stated one, or else in the first
/// header field or query parameter that may.
///
/// # Errors
/// Its content is of another version, or `Connection` names a field by which versions are chosen (RFC 9110 §7.6.1: none that is meant for all recipients).
pub fn restate(versions: &Versions, (chosen, served): (usize, usize), call: &mut Call) -> Result<(), Reject> {
    if versions.sources.is_empty() {
        return Ok(());
    }
    let is_listed = |name: &HeaderName| {
        let lines = call.headers.get_all(CONNECTION);
        let mut options = lines.iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        options.any(|option| option.trim_ascii().eq_ignore_ascii_case(name.as_str().as_bytes()))
    };
    if versions
        .sources
        .iter()
        .any(|source| matches!(source, Source::Header(name) | Source::DateHeader(name) if is_listed(name)))
    {
        return Err(Reject::bad_header().with_detail("`Connection` names the field that states the version"));
    }
    let stated = versions.stated_at(&call.lookup()).map(|(place, text)| (place, text.into_owned()));
    let is_name = |source: &Source| matches!(source, Source::Header(_) | Source::Query(_));
    let place = match &stated {
        Some((place, _)) => Some(*place),
        None => versions.sources.iter().position(is_name).or(Some(0)),
    };
    for (index, source) in versions.sources.iter().enumerate() {
        let is_place = Some(index) == place;
        let text = || match &stated {
            // A day stays as it is written where it means the same.
            Some((_, text)) if source.is_date() && chosen == served && versions.names_version(text, chosen, source) => {
                text.clone()
            }
            _ => versions.text_for(served, source),
        };
        match source {
            Source::Header(name) | Source::DateHeader(name) => {
                remove_aliases(&mut call.headers, name, &[]);
                let is_elsewhere = versions.sources.iter().enumerate().any(|(other, source)| {
                    Some(other) == place
                        && matches!(source, Source::Header(other) | Source::DateHeader(other) if other == name)
                });
                if is_place {
                    let value = HeaderValue::try_from(text()).map_err(|_| Reject::bad_header())?;
                    call.headers.insert(name.clone(), value);
                } else if !is_elsewhere {
                    call.headers.remove(name);
                }
            }
            Source::Query(name) | Source::DateQuery(name) => {
                let is_elsewhere = versions.sources.iter().enumerate().any(|(other, source)| {
                    Some(other) == place
                        && matches!(source, Source::Query(other) | Source::DateQuery(other) if other == name)
                });
                if is_place {
                    set_parameter(call, name, Some(&text()));
                } else if !is_elsewhere {
                    set_parameter(call, name, None);
                }
            }
            Source::MediaType(_) | Source::MediaTypeParameter(_) => {
                restate_media(versions, source, (chosen, served), call)?
            }
        }
    }
    Ok(())
}

/// Makes `value` the one value of the query parameter called `name`, in the place of the first; or removes all of them.
fn set_parameter(call: &mut Call, name: &str, value: Option<&str>) {
    let query = call.query().unwrap_or_default();
    if value.is_none() && query::first(query, name).is_none() {
        return;
    }
    let mut parameters: Vec<String> = query::parameters(query).map(str::to_owned).collect();
    let at = parameters.iter().position(|parameter| query::is_named(parameter, name)).unwrap_or(parameters.len());
    parameters.retain(|parameter| !query::is_named(parameter, name));
    if let Some(value) = value {
        let mut parameter = String::new();
        percent::encode_query_value(name, &mut parameter);
        parameter.push('=');
        percent::encode_query_value(value, &mut parameter);
        parameters.insert(at.min(parameters.len()), parameter);
    }
    call.set_query((!parameters.is_empty()).then(|| parameters.join("&")));
}

/// Leaves, of the media types that `call` accepts, those of its version and those of none, and has them name the version that is served.
fn restate_media(
    versions: &Versions,
    source: &Source,
    (chosen, served): (usize, usize),
    call: &mut Call,
) -> Result<(), Reject> {
    for name in [ACCEPT, CONTENT_TYPE] {
        let mut is_changed = false;
        let mut kept: Vec<String> = Vec::new();
        for line in call.headers.get_all(&name) {
            let Ok(line) = line.to_str() else { continue };
            for element in line.split(',') {
                let is_own = match version_in(source, element) {
                    None => {
                        kept.push(element.trim().to_owned());
                        continue;
                    }
                    Some(version) => versions.find(version) == Some(chosen),
                };
                is_changed |= !is_own || chosen != served;
                if is_own {
                    kept.push(write_version(source, element.trim(), &versions.text_for(served, source)));
                } else if name == CONTENT_TYPE {
                    return Err(
                        Reject::bad_header().with_detail("`Content-Type` is of another version than the request")
                    );
                }
            }
        }
        if is_changed {
            call.headers.remove(&name);
            if !kept.is_empty() {
                let value = HeaderValue::try_from(kept.join(", ")).map_err(|_| Reject::bad_header())?;
                call.headers.insert(name, value);
            }
        }
    }
    Ok(())
}

/// The version that a media type with its parameters states.
fn version_in<'e>(source: &Source, element: &'e str) -> Option<&'e str> {
    let (kind, parameters) = element.split_once(';').unwrap_or((element, ""));
    match source {
        Source::MediaType(spelling) => spelling.read(kind.trim()),
        Source::MediaTypeParameter(name) => media_parameter(parameters, name),
        Source::Header(_) | Source::DateHeader(_) | Source::Query(_) | Source::DateQuery(_) => None,
    }
}

/// The same media type for `version`.
fn write_version(source: &Source, element: &str, version: &str) -> String {
    let (kind, parameters) = element.split_once(';').map_or((element, None), |(kind, rest)| (kind, Some(rest)));
    match source {
        Source::MediaType(spelling) => {
            let rest = parameters.map(|parameters| [";", parameters].concat()).unwrap_or_default();
            spelling.write(version) + &rest
        }
        Source::MediaTypeParameter(name) => {
            let rest = parameters.unwrap_or_default().split(';').map(|one| match one.split_once('=') {
                Some((own, _)) if own.trim().eq_ignore_ascii_case(name) => [own, "=", version].concat(),
                _ => one.to_owned(),
            });
            let rest: Vec<String> = rest.collect();
            [kind, ";", &rest.join(";")].concat()
        }
        Source::Header(_) | Source::DateHeader(_) | Source::Query(_) | Source::DateQuery(_) => element.to_owned(),
    }
}
