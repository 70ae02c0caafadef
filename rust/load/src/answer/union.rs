//! Unions of the service model, read as SDKs read them.
//!
//! botocore raises where a union has no member set, or more than one; a member that it does not know
//! is one, and a member that is null is not set (`_has_unknown_tagged_union_member` in its parsers).

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// What a union can be.
pub(super) trait Union: Default {
    /// Its name in the payload, for messages.
    const NAME: &'static str;

    /// Take the value of a member; whether it was set.
    fn member<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        members: &mut A,
    ) -> Result<bool, A::Error>;
}

/// Take a member's value; whether it is more than null.
pub(super) fn set<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    place: &mut Option<T>,
    members: &mut A,
) -> Result<bool, A::Error> {
    let value: Option<T> = members.next_value()?;
    let held = value.is_some();
    if held {
        *place = value;
    }
    Ok(held)
}

/// A union with exactly one member set.
#[derive(Debug, Default)]
pub(super) struct OneOf<T>(pub(super) T);

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de, T: Union> Deserialize<'de> for OneOf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Union> Visitor<'de> for Members<T> {
    type Value = OneOf<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object for the union {}", T::NAME)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let (mut union, mut count) = (T::default(), 0);
        while let Some(Name(name)) = members.next_key()? {
            if name == "__type" {
                members.next_value::<IgnoredAny>()?;
            } else {
                count += u32::from(union.member(&name, &mut members)?);
            }
        }
        if count == 1 { Ok(OneOf(union)) } else { Err(Error::custom(many(T::NAME, count))) }
    }
}

fn many(name: &str, count: u32) -> String {
    format!("the union {name} must have one and only one member set, and has {count}")
}

/// Check a union that is a JSON value already.
pub(super) fn check(name: &str, value: &Value) -> Result<(), String> {
    let Value::Object(members) = value else {
        return Err(format!("the union {name} is not an object"));
    };
    let is_set = |member: &(&String, &Value)| *member.0 != "__type" && !member.1.is_null();
    let count = members.iter().filter(is_set).count();
    if count == 1 { Ok(()) } else { Err(many(name, count as u32)) }
}
