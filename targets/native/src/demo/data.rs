//! The demo's data.

use serde_json::{Value, json};

const USERS: [(u64, &str, &str); 5] = [
    (1, "Ada Lovelace", "ada@example.com"),
    (2, "Alan Turing", "alan@example.com"),
    (3, "Grace Hopper", "grace@example.com"),
    (4, "Edsger Dijkstra", "edsger@example.com"),
    (5, "Barbara Liskov", "barbara@example.com"),
];

const ITEMS: [(&str, u64); 4] =
    [("notebook", 450), ("fountain pen", 2_900), ("ink, blue", 1_150), ("desk lamp", 6_400)];

/// All users.
pub(super) fn users() -> Value {
    USERS.iter().map(|user| user_of(*user)).collect()
}

/// The user with this number.
pub(super) fn user(id: &str) -> Option<Value> {
    let id: u64 = id.parse().ok()?;
    USERS.iter().find(|user| user.0 == id).map(|user| user_of(*user))
}

/// The orders, of one user if given.
pub(super) fn orders(user: Option<&str>) -> Value {
    let user = user.map(|id| id.parse().unwrap_or(0));
    (1..=12).map(order_of).filter(|order| user.is_none_or(|id: u64| order["user"] == id)).collect()
}

/// The order with this number.
pub(super) fn order(id: &str) -> Option<Value> {
    id.parse().ok().filter(|id| (1..=12).contains(id)).map(order_of)
}

fn user_of((id, name, email): (u64, &str, &str)) -> Value {
    json!({ "id": id, "name": name, "email": email })
}

fn order_of(id: u64) -> Value {
    let (item, cents) = ITEMS.iter().cycle().nth(usize::try_from(id * 3).unwrap_or(0)).unwrap_or(&("notebook", 450));
    json!({ "id": id, "user": id % 5 + 1, "item": item, "quantity": id % 3 + 1, "cents": cents * (id % 3 + 1) })
}
