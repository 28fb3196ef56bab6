//! `#[serde(…)]` and `#[session(…)]`: what they mean for the bytes.

use syn::{
    Attribute, Error, Expr, ExprPath, LitInt, LitStr, Path, Result, Token, Type,
    meta::ParseNestedMeta,
};

use crate::case::Case;

/// What the attributes of a type, variant or field come to.
#[derive(Default)]
pub(crate) struct Attributes {
    /// The name that serde uses.
    pub(crate) rename: Option<String>,
    pub(crate) rename_all: Option<Case>,
    pub(crate) rename_all_fields: Option<Case>,
    pub(crate) transparent: bool,
    skip_serializing: Option<Path>,
    skip_deserializing: Option<Path>,
    /// What hides from the derive what is written.
    hidden: Option<Path>,
    pub(crate) version: Option<LitInt>,
    pub(crate) migrate: Option<ExprPath>,
    pub(crate) previous: Option<Type>,
    pub(crate) was: Option<LitStr>,
    pub(crate) opaque: Option<LitStr>,
}

impl Attributes {
    /// Reads them, of which those of `session` are named in `known`.
    pub(crate) fn of(attributes: &[Attribute], known: &[&str]) -> Result<Self> {
        let mut found = Self::default();
        for attribute in attributes {
            if attribute.path().is_ident("serde") {
                attribute.parse_nested_meta(|meta| found.serde(&meta))?;
            } else if attribute.path().is_ident("session") {
                attribute.parse_nested_meta(|meta| found.session(&meta, known))?;
            }
        }
        match (&found.hidden, &found.opaque) {
            (Some(hidden), None) if !found.is_skipped()? => Err(Error::new_spanned(
                hidden,
                "the derive cannot see what this writes: name it with \
                 #[session(opaque = \"…\")], and change that text whenever it writes \
                 something else",
            )),
            _ => Ok(found),
        }
    }

    /// Whether serde leaves it out, in both directions.
    pub(crate) fn is_skipped(&self) -> Result<bool> {
        match (&self.skip_serializing, &self.skip_deserializing) {
            (None, None) => Ok(false),
            (Some(_), Some(_)) => Ok(true),
            (Some(one), None) | (None, Some(one)) => Err(Error::new_spanned(
                one,
                "postcard has no names: what is skipped in one direction only shifts all that \
                 follows; use #[serde(skip)]",
            )),
        }
    }

    fn serde(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let name = meta.path.get_ident().map(ToString::to_string);
        match name.as_deref().unwrap_or_default() {
            "rename" => self.rename = serialized_name(meta)?.map(|name| name.value()),
            "rename_all" => self.rename_all = case(meta)?,
            "rename_all_fields" => self.rename_all_fields = case(meta)?,
            "transparent" => self.transparent = true,
            "skip" => {
                self.skip_serializing = Some(meta.path.clone());
                self.skip_deserializing = Some(meta.path.clone());
            }
            "skip_serializing" => self.skip_serializing = Some(meta.path.clone()),
            "skip_deserializing" => self.skip_deserializing = Some(meta.path.clone()),
            "alias"
            | "borrow"
            | "bound"
            | "crate"
            | "default"
            | "deny_unknown_fields"
            | "expecting"
            | "other" => ignore_value(meta)?,
            "flatten" => {
                return Err(
                    meta.error("postcard cannot carry `flatten`: make it an ordinary field")
                );
            }
            "skip_serializing_if" => {
                return Err(meta.error(
                    "postcard has no names: a field that is skipped at times shifts all that \
                     follow; leave `skip_serializing_if` out, a `None` takes one byte",
                ));
            }
            "untagged" | "tag" | "content" => {
                return Err(meta.error(
                    "postcard carries externally tagged enums only: leave this attribute out",
                ));
            }
            // `with`, `from`, `into`, `remote`, and what a later serde may bring.
            _ => {
                self.hidden = Some(meta.path.clone());
                ignore_value(meta)?;
            }
        }
        Ok(())
    }

    fn session(&mut self, meta: &ParseNestedMeta<'_>, known: &[&str]) -> Result<()> {
        let name = meta.path.get_ident().map(ToString::to_string);
        let name = name.as_deref().unwrap_or_default();
        match name {
            _ if !known.contains(&name) => {
                return Err(meta.error(format!("known here are: {}", known.join(", "))));
            }
            "version" => self.version = Some(meta.value()?.parse()?),
            "migrate" => self.migrate = Some(meta.value()?.parse()?),
            "previous" => self.previous = Some(meta.value()?.parse()?),
            "was" => self.was = Some(meta.value()?.parse()?),
            _ => self.opaque = Some(meta.value()?.parse()?),
        }
        Ok(())
    }
}

/// The name in `= "…"`, or that of `serialize` in `(serialize = "…", deserialize = "…")`.
fn serialized_name(meta: &ParseNestedMeta<'_>) -> Result<Option<LitStr>> {
    if meta.input.peek(Token![=]) {
        return meta.value()?.parse().map(Some);
    }
    let mut name = None;
    meta.parse_nested_meta(|inner| {
        let value = inner.value()?.parse()?;
        if inner.path.is_ident("serialize") {
            name = Some(value);
        }
        Ok(())
    })?;
    Ok(name)
}

fn case(meta: &ParseNestedMeta<'_>) -> Result<Option<Case>> {
    let Some(name) = serialized_name(meta)? else {
        return Ok(None);
    };
    match Case::of(&name.value()) {
        None => Err(Error::new_spanned(
            name,
            "a rule that serde is not known to have",
        )),
        case => Ok(case),
    }
}

/// Reads past `= …` and `(…)`.
fn ignore_value(meta: &ParseNestedMeta<'_>) -> Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        meta.parse_nested_meta(|inner| ignore_value(&inner))?;
    }
    Ok(())
}
