//! Views into a JSON text: parts are skipped until they are read.
//!
//! A [`Node`] is a part whose syntax has been checked. It is looked into one level at a time, so
//! that depth costs nothing in parts that are not read, and each fault can say where it is.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A part of a JSON text, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node<'a> {
    raw: &'a RawValue,
}

/// A fault: where (a JSON path below the part that was asked), and what.
#[derive(Debug)]
pub(crate) struct Fault {
    path: String,
    what: String,
}

impl Fault {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { path: String::new(), what: what.into() }
    }

    /// The same fault, seen from one level further out.
    pub(crate) fn below(mut self, step: impl fmt::Display) -> Self {
        self.path.insert_str(0, &step.to_string());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}: {}", self.path, self.what)
    }
}

impl<'a> Node<'a> {
    pub(crate) fn new(raw: &'a RawValue) -> Self {
        Self { raw }
    }

    /// Its JSON text.
    pub(crate) fn text(&self) -> &'a str {
        self.raw.get()
    }

    pub(crate) fn is_null(&self) -> bool {
        self.text() == "null"
    }

    pub(crate) fn is_string(&self) -> bool {
        self.text().starts_with('"')
    }

    pub(crate) fn is_array(&self) -> bool {
        self.text().starts_with('[')
    }

    /// What it is, with its article.
    fn kind(&self) -> &'static str {
        match self.text().as_bytes().first() {
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b'"') => "a string",
            Some(b't' | b'f') => "a boolean",
            Some(b'n') => "null",
            _ => "a number",
        }
    }

    /// Its value as a string.
    pub(crate) fn string(&self) -> Result<Cow<'a, str>, Fault> {
        self.read::<Str<'a>>("a string", b'"').map(|text| text.0)
    }

    /// Its items as an array.
    pub(crate) fn items(&self) -> Result<Vec<Self>, Fault> {
        self.read::<Items<'a>>("an array", b'[').map(|items| items.0)
    }

    /// Its members as an object.
    pub(crate) fn members(&self) -> Result<Vec<(Cow<'a, str>, Self)>, Fault> {
        self.read::<Members<'a>>("an object", b'{').map(|members| members.0)
    }

    /// The member of that name of an object.
    pub(crate) fn member(&self, name: &str) -> Result<Option<Self>, Fault> {
        let members = self.members()?;
        Ok(members.into_iter().rev().find(|(key, _)| key == name).map(|(_, node)| node))
    }

    /// The same JSON without white space between its parts, and with plain characters for escapes
    /// that need not be.
    pub(crate) fn compact(&self) -> Result<String, Fault> {
        let mut out = Vec::with_capacity(self.text().len());
        let mut from = serde_json::Deserializer::from_str(self.text());
        let mut to = serde_json::Serializer::new(&mut out);
        super::compact::copy(&mut from, &mut to)
            .map_err(|error| Fault::new(format!("cannot be read as JSON: {error}")))?;
        Ok(String::from_utf8(out).expect("a serializer writes UTF-8"))
    }

    fn read<T: Deserialize<'a>>(&self, expected: &str, first: u8) -> Result<T, Fault> {
        if self.text().as_bytes().first() != Some(&first) {
            return Err(Fault::new(format!("expected {expected}, found {}", self.kind())));
        }
        serde_json::from_str(self.text()).map_err(|error| Fault::new(error.to_string()))
    }
}

struct Str<'a>(Cow<'a, str>);
struct Items<'a>(Vec<Node<'a>>);
struct Members<'a>(Vec<(Cow<'a, str>, Node<'a>)>);

impl<'de> Deserialize<'de> for Str<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Str<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Str(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Str(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Visit)
    }
}

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(raw) = seq.next_element()? {
                    items.push(Node::new(raw));
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(Visit)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(Str(key)) = map.next_key()? {
                    members.push((key, Node::new(map.next_value()?)));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visit)
    }
}
