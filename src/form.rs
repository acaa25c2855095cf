//! Values that are stored in a form of their own, for `#[serde(serialize_with, deserialize_with)]`.
//!
//! What events and the ledger hold has forms beside them (`event/stored.rs`, `ledger/stored.rs`), so
//! that the engine's types can change without changing what is stored. A form names every field of
//! its type: one that is added to the type does not compile until somebody decided how, and whether,
//! it is stored.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes a value in the form `F`.
pub(crate) fn write<F, T, S>(value: &T, serializer: S) -> Result<S::Ok, S::Error>
where
    F: Serialize + for<'a> From<&'a T>,
    S: Serializer,
{
    F::from(value).serialize(serializer)
}

/// Reads a value from the form `F`.
pub(crate) fn read<'de, F, T, D>(deserializer: D) -> Result<T, D::Error>
where
    F: Deserialize<'de> + Into<T>,
    D: Deserializer<'de>,
{
    F::deserialize(deserializer).map(Into::into)
}

/// As [`write()`], of each in a list.
pub(crate) fn write_all<F, T, S>(values: &[T], serializer: S) -> Result<S::Ok, S::Error>
where
    F: Serialize + for<'a> From<&'a T>,
    S: Serializer,
{
    serializer.collect_seq(values.iter().map(F::from))
}

/// As [`read`], of each in a list.
pub(crate) fn read_all<'de, F, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    F: Deserialize<'de> + Into<T>,
    D: Deserializer<'de>,
{
    Ok(Vec::<F>::deserialize(deserializer)?.into_iter().map(Into::into).collect())
}

/// As [`write()`], of what may be absent.
pub(crate) fn write_some<F, T, S>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error>
where
    F: Serialize + for<'a> From<&'a T>,
    S: Serializer,
{
    value.as_ref().map(F::from).serialize(serializer)
}

/// As [`read`], of what may be absent.
pub(crate) fn read_some<'de, F, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    F: Deserialize<'de> + Into<T>,
    D: Deserializer<'de>,
{
    Ok(Option::<F>::deserialize(deserializer)?.map(Into::into))
}

/// Both conversions between a type and its form, which have the same fields. Neither may have one that
/// isn't named here.
macro_rules! same_fields {
    ($form:ident, $engine:path, { $($field:ident),+ $(,)? }) => {
        impl From<&$engine> for $form {
            fn from(value: &$engine) -> Self {
                let $engine { $($field),+ } = value;
                Self { $($field: $field.to_owned()),+ }
            }
        }

        impl From<$form> for $engine {
            fn from(form: $form) -> Self {
                let $form { $($field),+ } = form;
                Self { $($field),+ }
            }
        }
    };
}

pub(crate) use same_fields;

/// Each in a list, as its form or back.
pub(crate) fn each<'a, F, T>(values: &'a [T]) -> Vec<F>
where
    F: From<&'a T>,
{
    values.iter().map(F::from).collect()
}

/// Each of a list of forms as what it is of.
pub(crate) fn back<F: Into<T>, T>(forms: Vec<F>) -> Vec<T> {
    forms.into_iter().map(Into::into).collect()
}
