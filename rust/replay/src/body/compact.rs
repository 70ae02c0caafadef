//! JSON from a reader to a writer, value by value, and the length of its strings.

use std::cell::Cell;
use std::fmt;

use serde::Serialize;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

/// Write the value that `from` holds to `to`. Depth is bounded by the reader.
pub(super) fn copy<'de, D, S>(from: D, to: S) -> Result<S::Ok, D::Error>
where
    D: Deserializer<'de>,
    S: Serializer,
{
    from.deserialize_any(Copy(to))
}

struct Copy<S>(S);

/// A serializer's error as a reader's, so that callers get one kind.
fn other<E: serde::de::Error>(error: impl fmt::Display) -> E {
    E::custom(error)
}

impl<'de, S: Serializer> Visitor<'de> for Copy<S> {
    type Value = S::Ok;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<S::Ok, E> {
        self.0.serialize_bool(value).map_err(other)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<S::Ok, E> {
        self.0.serialize_i64(value).map_err(other)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<S::Ok, E> {
        self.0.serialize_u64(value).map_err(other)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<S::Ok, E> {
        self.0.serialize_f64(value).map_err(other)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<S::Ok, E> {
        self.0.serialize_str(value).map_err(other)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<S::Ok, E> {
        self.0.serialize_unit().map_err(other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<S::Ok, A::Error> {
        let mut out = self.0.serialize_seq(None).map_err(other)?;
        while seq.next_element_seed(Item(&mut out))?.is_some() {}
        out.end().map_err(other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<S::Ok, A::Error> {
        let mut out = self.0.serialize_map(None).map_err(other)?;
        while let Some(key) = map.next_key::<String>()? {
            out.serialize_key(&key).map_err(other)?;
            map.next_value_seed(Member(&mut out))?;
        }
        out.end().map_err(other)
    }
}

/// An item on its way into an array that is being written.
struct Item<'a, S>(&'a mut S);

impl<'de, S: SerializeSeq> DeserializeSeed<'de> for Item<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        self.0.serialize_element(&Pending::new(from)).map_err(other)
    }
}

/// A value on its way into an object that is being written.
struct Member<'a, S>(&'a mut S);

impl<'de, S: SerializeMap> DeserializeSeed<'de> for Member<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        self.0.serialize_value(&Pending::new(from)).map_err(other)
    }
}

/// A reader, dressed up as a value: it is read when it is written.
struct Pending<D>(Cell<Option<D>>);

impl<D> Pending<D> {
    fn new(from: D) -> Self {
        Self(Cell::new(Some(from)))
    }
}

impl<'de, D: Deserializer<'de>> Serialize for Pending<D> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let from = self.0.take().ok_or_else(|| serde::ser::Error::custom("written twice"))?;
        copy(from, to).map_err(serde::ser::Error::custom)
    }
}

/// How many characters the string values of a JSON text have, keys not counted.
#[derive(Debug, Default)]
pub(super) struct StringChars(pub(super) u64);

impl<'de> Deserialize<'de> for StringChars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountChars)
    }
}

struct CountChars;

impl<'de> Visitor<'de> for CountChars {
    type Value = StringChars;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<StringChars, E> {
        Ok(StringChars(0))
    }

    fn visit_i64<E>(self, _: i64) -> Result<StringChars, E> {
        Ok(StringChars(0))
    }

    fn visit_u64<E>(self, _: u64) -> Result<StringChars, E> {
        Ok(StringChars(0))
    }

    fn visit_f64<E>(self, _: f64) -> Result<StringChars, E> {
        Ok(StringChars(0))
    }

    fn visit_unit<E>(self) -> Result<StringChars, E> {
        Ok(StringChars(0))
    }

    fn visit_str<E>(self, text: &str) -> Result<StringChars, E> {
        Ok(StringChars(text.chars().count() as u64))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<StringChars, A::Error> {
        let mut sum = 0;
        while let Some(StringChars(chars)) = seq.next_element()? {
            sum += chars;
        }
        Ok(StringChars(sum))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<StringChars, A::Error> {
        let mut sum = 0;
        while let Some((serde::de::IgnoredAny, StringChars(chars))) = map.next_entry()? {
            sum += chars;
        }
        Ok(StringChars(sum))
    }
}
