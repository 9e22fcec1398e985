//! An API and its description in a configuration, in which all else stays as it is written.

use gateway_core::document::Value;
use jsonc_parser::cst::{CstArray, CstInputValue, CstObject, CstRootNode};
use jsonc_parser::{ParseOptions, parse_to_serde_value};

use super::openapi::{Api, Operation, object, operations};

/// A configuration with an API.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) text: String,
    /// Set if it had no such API.
    pub(super) is_new: bool,
    /// Operations that have got a route: their names, methods and paths.
    pub(super) added: Vec<String>,
    /// Routes whose operation has another path or method than it had: they have it, too, unless their `match` was changed by hand.
    pub(super) moved: Vec<String>,
    /// Routes whose operation is gone.
    pub(super) gone: Vec<String>,
}

/// Puts `api` into the configuration `text`.
pub(super) fn merge(text: &str, api: &Api) -> Result<Merged, String> {
    let root =
        CstRootNode::parse(text, &ParseOptions::default()).map_err(|error| format!("the file is not JSON: {error}"))?;
    let wrong = |member: &str| format!("`{member}` in the file is not what it has to be: see `edgeway check`");
    let whole = root.object_value_or_create().ok_or_else(|| wrong("the whole"))?;
    let apis = whole.array_value_or_create("apis").ok_or_else(|| wrong("apis"))?;
    let own = apis.elements().into_iter().filter_map(|element| element.as_object());
    let known = own.clone().find(|own| text_of(own, "name").as_deref() == Some(&*api.name));
    let documents = whole.object_value_or_create("openapi").ok_or_else(|| wrong("openapi"))?;
    let document = known.as_ref().and_then(|known| text_of(&known.object_value("openapi")?, "document"));
    let document = document.unwrap_or_else(|| api.name.clone());
    let mut before = None;
    // Whoever imports again has it written anew only if it says something else.
    match documents.get(&document) {
        Some(property) => {
            let text = property.value().map(|value| value.to_string()).unwrap_or_default();
            before = read(&text);
            if before.as_ref() != Some(&api.document) {
                property.set_value(input(&api.document));
            }
        }
        None => drop(documents.append(&document, input(&api.document))),
    }
    let mut merged =
        Merged { text: String::new(), is_new: known.is_none(), added: Vec::new(), moved: Vec::new(), gone: Vec::new() };
    match known {
        Some(known) => {
            let routes = known.array_value_or_create("routes").ok_or_else(|| wrong("routes"))?;
            let former = before.as_ref().map(operations).unwrap_or_default();
            add_routes(&routes, api, &former, &mut merged);
        }
        None => {
            let upstreams = whole.object_value_or_create("upstreams").ok_or_else(|| wrong("upstreams"))?;
            if upstreams.get(&api.name).is_none() {
                upstreams.append(&api.name, input(&object([("url", Value::from(api.upstream.as_str()))])));
            }
            let routes: Vec<Value> = api.operations.iter().map(|operation| operation.route(&api.prefix)).collect();
            merged.added = api.operations.iter().map(described).collect();
            let mut members = vec![("name", Value::from(api.name.as_str()))];
            if !api.prefix.is_empty() {
                members.push(("prefix", Value::from(api.prefix.as_str())));
            }
            members.push(("upstream", Value::from(api.name.as_str())));
            members.push(("openapi", object([("document", Value::from(document.as_str()))])));
            // Of templates that could take one path, the one counts that comes first in the document.
            members.push(("ties", Value::from("first")));
            members.push(("routes", Value::Array(routes)));
            let members = members.into_iter().map(|(name, value)| (name.into(), value));
            apis.append(input(&Value::Object(members.collect())));
        }
    }
    merged.text = root.to_string();
    Ok(merged)
}

/// Adds routes for the operations that have none, and tells those whose operation is gone.
fn add_routes(routes: &CstArray, api: &Api, former: &[Operation], merged: &mut Merged) {
    let names: Vec<String> =
        routes.elements().into_iter().filter_map(|route| text_of(&route.as_object()?, "name")).collect();
    for operation in &api.operations {
        if !names.contains(&operation.name) {
            routes.append(input(&operation.route(&api.prefix)));
            merged.added.push(described(operation));
        }
    }
    for route in routes.elements().into_iter().filter_map(|route| route.as_object()) {
        let Some(name) = text_of(&route, "name") else { continue };
        let of = |operations: &'_ [Operation]| operations.iter().position(|operation| operation.name == name);
        let (Some(before), Some(now)) =
            (of(former).and_then(|at| former.get(at)), of(&api.operations).and_then(|at| api.operations.get(at)))
        else {
            continue;
        };
        let (Some(matches), true) = (route.get("match"), before.matches() != now.matches()) else { continue };
        let own = matches.value().and_then(|value| read(&value.to_string()));
        if own.as_ref() == Some(&before.matches()) {
            matches.set_value(input(&now.matches()));
            merged.moved.push(described(now));
        } else if own.as_ref() != Some(&now.matches()) {
            merged.moved.push(format!("{}: its route stays, since its `match` is your own", described(now)));
        }
    }
    let has = |operations: &[Operation], name: &String| operations.iter().any(|operation| operation.name == *name);
    // Routes of one's own are none of the document's.
    let is_gone = |name: &&String| has(former, name) && !has(&api.operations, name);
    merged.gone = names.iter().filter(is_gone).cloned().collect();
}

/// The value that a part of the file is.
fn read(text: &str) -> Option<Value> {
    let value = parse_to_serde_value::<serde_json::Value>(text, &ParseOptions::default()).ok()?;
    Value::read(value.to_string().as_bytes()).ok()
}

fn described(operation: &Operation) -> String {
    format!("{:<7} {}  {}", operation.method, operation.path, operation.name)
}

/// The text of a member.
fn text_of(object: &CstObject, name: &str) -> Option<String> {
    object.get(name)?.value()?.as_string_lit()?.decoded_value().ok()
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Boolean(flag) => CstInputValue::Bool(*flag),
        Value::Number(number) => CstInputValue::Number(number.as_str().to_owned()),
        Value::String(text) => CstInputValue::String(text.to_string()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(object) => CstInputValue::Object(
            object.members().iter().map(|(name, value)| (name.to_string(), input(value))).collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(paths: &str) -> Api {
        let text = format!(
            r#"{{"openapi":"3.1.0","info":{{"title":"Pets"}},"servers":[{{"url":"https://pets.example.com/v2"}}],"paths":{{{paths}}}}}"#
        );
        Api::of(&Value::read(text.as_bytes()).unwrap(), None, None, None).unwrap()
    }

    const LIST: &str = r#""/pets":{"get":{"operationId":"list"}}"#;

    /// docs/configuration.md, Descriptions of APIs: what was changed by hand stays.
    #[test]
    fn what_was_edited_stays() {
        let first = merge("// mine\n{}\n", &api(LIST)).unwrap();
        assert!(first.is_new && first.text.starts_with("// mine\n"));
        assert_eq!(merge(&first.text, &api(LIST)).unwrap().text, first.text);

        let edited = first
            .text
            .replace("https://pets.example.com/v2", "http://localhost:9000")
            .replace("\"name\": \"list\",", "\"name\": \"list\", // the list\n\"policies\": [\"mine\"],");
        let more = format!(r#"{LIST},"/pets/{{id}}":{{"delete":{{"operationId":"drop"}}}}"#);
        let second = merge(&edited, &api(&more)).unwrap();
        assert!(!second.is_new);
        assert_eq!(second.added, ["DELETE  /pets/{id}  drop"]);
        for kept in ["http://localhost:9000", "// the list", "[\"mine\"]", "\"path\": \"/pets/{id}\""] {
            assert!(second.text.contains(kept), "{kept} in {}", second.text);
        }
        let third = merge(&second.text, &api(LIST)).unwrap();
        assert_eq!((third.gone.join(","), third.added.len()), ("drop".to_owned(), 0));
        assert!(third.text.contains("\"name\": \"drop\""));
    }

    /// docs/configuration.md, Descriptions of APIs: a route follows its operation, unless its `match` is one's own.
    #[test]
    fn routes_follow_their_operations() {
        let first = merge("{}", &api(LIST)).unwrap();
        let moved = api(r#""/dogs":{"get":{"operationId":"list"}}"#);
        let second = merge(&first.text, &moved).unwrap();
        assert_eq!(second.moved, ["GET     /dogs  list"]);
        assert!(second.text.contains("\"path\": \"/dogs\""));
        let own = first.text.replace("\"path\": \"/pets\"", "\"path\": \"/own\"");
        let third = merge(&own, &moved).unwrap();
        assert!(
            third.moved.len() == 1 && third.moved[0].ends_with("your own") && third.text.contains("\"path\": \"/own\"")
        );
    }

    /// RFC 6570 §3.2.2; docs/configuration.md, Regular expressions: what no template says, an expression does.
    #[test]
    fn paths_are_those_of_routes() {
        let path = |path: &str| {
            let api = api(&format!(r#""{path}":{{"get":{{}}}}"#));
            api.operations[0].matches().to_string()
        };
        assert!(path("/a/{pet-id}").contains(r#""/a/{pet_id}""#));
        assert!(path("/a/{x}.{y}").contains(r#""regex":"/a/[^/]+\\.[^/]+""#));
        assert!(path("/a/{x}:stop").contains(r#""regex":"/a/[^/]+:stop""#));
        assert!(path("/a/$all").contains("/a/{'$all'}"));
        assert!(merge("[1]", &api(LIST)).is_err() && merge("{", &api(LIST)).is_err());
    }
}
