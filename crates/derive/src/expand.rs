//! The implementations that the macros write.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{
    Data, DataEnum, DeriveInput, Error, Field, Fields, Generics, Ident, LitStr, Result, Type,
    ext::IdentExt, parse_quote, spanned::Spanned,
};

use crate::{attributes::Attributes, case::Case};

/// Implements `Shape`.
pub(crate) fn shape(input: &DeriveInput) -> Result<TokenStream> {
    let attributes = Attributes::of(&input.attrs, &["opaque"])?;
    implement_shape(input, &attributes)
}

/// Implements `Shape` and `SessionData`.
pub(crate) fn session_data(input: &DeriveInput) -> Result<TokenStream> {
    let known = ["version", "previous", "migrate", "opaque"];
    let attributes = Attributes::of(&input.attrs, &known)?;
    let implemented = implement_shape(input, &attributes)?;
    let version = match &attributes.version {
        Some(version) => version.base10_parse::<u16>()?,
        None => 0,
    };
    let name = &input.ident;
    let (mut older, mut migrate) = (None, None);
    match (&attributes.previous, &attributes.migrate) {
        (Some(previous), None) => {
            older = Some(quote! {
                ::core::assert!(
                    <#previous as ::sealed_session::payload::SessionData>::SCHEMA < #version,
                    "the previous type is of a lower version",
                )
            });
            migrate = Some(quote_spanned! {previous.span()=>
                ::sealed_session::payload::read_as::<#previous>(schema, shape, bytes)
                    .map(::core::convert::From::from)
            });
        }
        (None, Some(function)) => migrate = Some(quote!((#function)(schema, shape, bytes))),
        (Some(previous), Some(_)) => {
            let message = "either `previous` or `migrate`, not both";
            return Err(Error::new_spanned(previous, message));
        }
        (None, None) => {}
    }
    let migrate = migrate.map(|body| {
        quote! {
            fn migrate(schema: u16, shape: u16, bytes: &[u8]) -> ::core::option::Option<Self> {
                #body
            }
        }
    });
    let mut generics = with_shapes(&input.generics);
    if !generics.params.is_empty() {
        generics.make_where_clause().predicates.push(parse_quote! {
            Self: ::sealed_session::payload::shape::serde::Serialize
                + ::sealed_session::payload::shape::serde::de::DeserializeOwned
        });
    }
    let (of, arguments, bounds) = generics.split_for_impl();
    Ok(quote! {
        #implemented
        #[automatically_derived]
        impl #of ::sealed_session::payload::SessionData for #name #arguments #bounds {
            const SCHEMA: u16 = #version;
            const SHAPE: u16 = ::sealed_session::payload::shape::fold(
                <Self as ::sealed_session::payload::Shape>::HASH,
            );
            #migrate
        }
        const _: () = { #older };
    })
}

fn implement_shape(input: &DeriveInput, attributes: &Attributes) -> Result<TokenStream> {
    let hash = match (&attributes.opaque, &input.data) {
        (Some(text), _) => opaque(text),
        (None, Data::Struct(data)) if attributes.transparent => transparent(input, &data.fields)?,
        (None, Data::Struct(data)) => content(&data.fields, attributes.rename_all)?,
        (None, Data::Enum(data)) => variants(data, attributes)?,
        (None, Data::Union(data)) => {
            return Err(Error::new_spanned(data.union_token, "serde has no unions"));
        }
    };
    let name = &input.ident;
    let generics = with_shapes(&input.generics);
    let (of, arguments, bounds) = generics.split_for_impl();
    // A constant of a trait is evaluated when it is used, and a cycle found only then.
    let evaluated = generics
        .params
        .is_empty()
        .then(|| quote!(const _: u64 = <#name as ::sealed_session::payload::Shape>::HASH;));
    Ok(quote! {
        #[automatically_derived]
        impl #of ::sealed_session::payload::Shape for #name #arguments #bounds {
            const HASH: u64 = #hash;
        }
        #evaluated
    })
}

fn with_shapes(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    for parameter in generics.type_params_mut() {
        parameter
            .bounds
            .push(parse_quote!(::sealed_session::payload::Shape));
    }
    generics
}

/// The hash of the only field that serde writes; serde refuses other types.
fn transparent(input: &DeriveInput, fields: &Fields) -> Result<TokenStream> {
    let mut only = None;
    for field in fields.iter().filter(|field| !is_marker(&field.ty)) {
        only = only.or(part(field, None)?);
    }
    only.map(|(_, hash)| hash)
        .ok_or_else(|| Error::new_spanned(&input.ident, "there is no field to be transparent for"))
}

fn is_marker(mut ty: &Type) -> bool {
    // A type that a macro was given stands in a group without brackets.
    while let Type::Group(group) = ty {
        ty = &group.elem;
    }
    matches!(ty, Type::Path(ty) if ty.path.segments.last().is_some_and(|it| it.ident == "PhantomData"))
}

/// The hash of what a struct or variant contains.
fn content(fields: &Fields, rename_all: Option<Case>) -> Result<TokenStream> {
    let kind = match fields {
        Fields::Named(_) => "struct",
        Fields::Unnamed(_) => "tuple",
        Fields::Unit => "unit",
    };
    let mut parts = Vec::new();
    for field in fields {
        parts.extend(part(field, rename_all)?);
    }
    match (kind, fields.len(), parts.pop()) {
        ("tuple", 1, Some((_, hash))) => Ok(hash),
        ("tuple", 1, None) => Err(Error::new_spanned(
            fields,
            "serde writes the only field of a newtype also where it is skipped",
        )),
        (_, _, last) => {
            parts.extend(last);
            Ok(describe(kind, &parts))
        }
    }
}

/// The name of a field and the hash of its type, unless it is skipped.
fn part(field: &Field, rename_all: Option<Case>) -> Result<Option<(String, TokenStream)>> {
    let known: &[&str] = match field.ident {
        Some(_) => &["was", "opaque"],
        None => &["opaque"],
    };
    let attributes = Attributes::of(&field.attrs, known)?;
    if attributes.is_skipped()? {
        return Ok(None);
    }
    let hash = if let Some(text) = &attributes.opaque {
        opaque(text)
    } else {
        let ty = &field.ty;
        quote_spanned!(ty.span()=> <#ty as ::sealed_session::payload::Shape>::HASH)
    };
    let name = field.ident.as_ref().map(|ident| {
        name(ident, attributes, |name| {
            rename_all.map(|case| case.field(name))
        })
    });
    Ok(Some((name.unwrap_or_default(), hash)))
}

/// The hash of an enum.
fn variants(data: &DataEnum, enclosing: &Attributes) -> Result<TokenStream> {
    let mut parts = Vec::new();
    let mut skipped = None;
    for variant in &data.variants {
        let attributes = Attributes::of(&variant.attrs, &["was", "opaque"])?;
        if attributes.is_skipped()? {
            skipped = Some(variant);
            continue;
        }
        if let Some(skipped) = skipped {
            return Err(Error::new_spanned(
                &skipped.ident,
                "serde counts skipped variants when it writes and not when it reads, so those \
                 that follow are read as others: put skipped variants last",
            ));
        }
        let hash = if let Some(text) = &attributes.opaque {
            opaque(text)
        } else {
            let rename_all = attributes.rename_all.or(enclosing.rename_all_fields);
            content(&variant.fields, rename_all)?
        };
        let name = name(&variant.ident, attributes, |name| {
            enclosing.rename_all.map(|case| case.variant(name))
        });
        parts.push((name, hash));
    }
    Ok(describe("enum", &parts))
}

/// What a name counts as: what it was, what serde calls it, what it is.
fn name(
    ident: &Ident,
    attributes: Attributes,
    by_rule: impl FnOnce(&str) -> Option<String>,
) -> String {
    let plain = ident.unraw().to_string();
    let was = attributes.was.map(|was| was.value());
    was.or(attributes.rename)
        .or_else(|| by_rule(&plain))
        .unwrap_or(plain)
}

fn describe(kind: &str, parts: &[(String, TokenStream)]) -> TokenStream {
    let parts = parts.iter().map(|(name, hash)| quote!((#name, #hash)));
    quote!(::sealed_session::payload::shape::describe(#kind, &[#(#parts),*]))
}

fn opaque(text: &LitStr) -> TokenStream {
    quote!(::sealed_session::payload::shape::describe("opaque", &[(#text, 0)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(source: &str, expand: fn(&DeriveInput) -> Result<TokenStream>) -> String {
        match expand(&syn::parse_str(source).unwrap()) {
            Ok(_) => "nothing".into(),
            Err(error) => error.to_string(),
        }
    }

    #[track_caller]
    fn is_refused(source: &str, message: &str) {
        let refusal = refusal(source, session_data);
        assert!(refusal.contains(message), "{source}: {refusal}");
    }

    #[test]
    fn what_postcard_cannot_carry_is_refused_with_a_remedy() {
        is_refused(
            "struct S { #[serde(flatten)] a: A }",
            "make it an ordinary field",
        );
        is_refused(
            "struct S { #[serde(default, skip_serializing_if = \"Option::is_none\")] a: A }",
            "leave `skip_serializing_if` out",
        );
        for attribute in ["untagged", "tag = \"t\"", "tag = \"t\", content = \"c\""] {
            let source = format!("#[serde({attribute})] enum E {{ A }}");
            is_refused(&source, "leave this attribute out");
        }
        is_refused(
            "enum E { #[serde(untagged)] A(u8) }",
            "leave this attribute out",
        );
        is_refused("union U { a: u8 }", "no unions");
    }

    #[test]
    fn what_is_skipped_in_one_direction_is_refused() {
        for attribute in ["skip_serializing", "skip_deserializing"] {
            is_refused(
                &format!("struct S {{ #[serde({attribute})] a: u8 }}"),
                "use #[serde(skip)]",
            );
            is_refused(
                &format!("enum E {{ #[serde({attribute})] A }}"),
                "use #[serde(skip)]",
            );
        }
    }

    #[test]
    fn what_serde_skips_and_writes_all_the_same_is_refused() {
        is_refused(
            "enum E { #[serde(skip)] A, B }",
            "put skipped variants last",
        );
        is_refused(
            "struct S(#[serde(skip)] u8);",
            "the only field of a newtype",
        );
        is_refused(
            "enum E { A(#[serde(skip)] u8) }",
            "the only field of a newtype",
        );
    }

    #[test]
    fn what_hides_the_bytes_is_refused_unless_it_is_named() {
        let hiding = [
            "with = \"w\"",
            "serialize_with = \"w\"",
            "deserialize_with = \"w\"",
            "from = \"W\"",
            "try_from = \"W\"",
            "into = \"W\"",
            "remote = \"W\"",
            "getter = \"w\"",
            "of_a_later_serde(some = 1, thing)",
        ];
        for hiding in hiding {
            for source in [
                "T struct S { a: A }",
                "struct S { T a: A }",
                "enum E { T V(A) }",
            ] {
                let bare = source.replace('T', &format!("#[serde({hiding})]"));
                is_refused(&bare, "name it with #[session(opaque");
                let named = format!("#[serde({hiding})] #[session(opaque = \"w 1\")]");
                let named = source.replace('T', &named);
                assert_eq!(refusal(&named, session_data), "nothing", "{named}");
            }
        }
        let skipped = "struct S { #[serde(skip, with = \"w\")] a: A }";
        assert_eq!(refusal(skipped, session_data), "nothing");
    }

    #[test]
    fn an_unknown_or_misplaced_word_is_refused() {
        is_refused(
            "#[session(versoin = 1)] struct S;",
            "version, previous, migrate, opaque",
        );
        is_refused("struct S { #[session(version = 1)] a: u8 }", "was, opaque");
        is_refused(
            "struct S(#[session(was = \"a\")] u8, u8);",
            "known here are: opaque",
        );
        is_refused(
            "#[serde(rename_all = \"Title Case\")] struct S;",
            "a rule that serde",
        );
        is_refused("#[session(version = 65536)] struct S;", "too large");
        let both = "#[session(previous = A, migrate = b)] struct S;";
        is_refused(both, "either `previous` or `migrate`");
        let version = "#[session(version = 1)] struct S;";
        assert!(refusal(version, shape).contains("known here are: opaque"));
    }
}
