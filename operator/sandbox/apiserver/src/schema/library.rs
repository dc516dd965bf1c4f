//! Kubernetes' CEL libraries: strings, lists, URLs, quantities, regular expressions.
//!
//! <https://kubernetes.io/docs/reference/using-api/cel/>

use std::sync::{Arc, OnceLock};

use cel::extractors::This;
use cel::{Context, Env, ExecutionError, Value};

use super::rules::Environment;
use crate::quantity;

/// The environment that rules are compiled and evaluated in.
pub(super) fn environment() -> &'static Arc<Environment> {
    static ENVIRONMENT: OnceLock<Arc<Env>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut env = Env::stdlib();
        if let Err(error) = env.add_extension(cel::extensions::strings) {
            tracing::error!(%error, "CEL's string functions");
        }
        Arc::new(env)
    })
}

/// A context with all functions and no variables.
pub(super) fn context() -> Context<'static, 'static> {
    let mut context = Context::with_env(environment().clone());
    let failed = [
        context.add_function("isSorted", is_sorted),
        context.add_function("sum", sum),
        context.add_function("isURL", |text: Arc<String>| parsed(&text).is_some()),
        context.add_function("url", url),
        context.add_function("getScheme", |This(url): This<Arc<String>>| {
            part(&url, |u| u.scheme_str().map(str::to_owned))
        }),
        context.add_function("getHost", |This(url): This<Arc<String>>| {
            part(&url, |u| u.authority().map(ToString::to_string))
        }),
        context.add_function("getHostname", |This(url): This<Arc<String>>| {
            part(&url, |u| u.host().map(str::to_owned))
        }),
        context.add_function("getPort", |This(url): This<Arc<String>>| {
            part(&url, |u| u.port_u16().map(|p| p.to_string()))
        }),
        context.add_function("getEscapedPath", |This(url): This<Arc<String>>| {
            part(&url, |u| Some(u.path().to_owned()))
        }),
        context.add_function("isQuantity", |text: Arc<String>| quantity::value(&text).is_some()),
        context.add_function("quantity", to_quantity),
        context.add_function("isLessThan", |This(a): This<f64>, b: f64| a < b),
        context.add_function("isGreaterThan", |This(a): This<f64>, b: f64| a > b),
        context.add_function("compareTo", |This(a): This<f64>, b: f64| {
            a.partial_cmp(&b).map_or(0, |o| o as i64)
        }),
        context.add_function("isInteger", |This(a): This<f64>| a.fract() == 0.0),
        context.add_function("asApproximateFloat", |This(a): This<f64>| a),
        context.add_function("find", find),
    ];
    for error in failed.into_iter().filter_map(Result::err) {
        tracing::debug!(%error, "a CEL function is there already");
    }
    context
}

fn is_sorted(This(list): This<Arc<Vec<Value>>>) -> bool {
    list.windows(2)
        .all(|pair| pair[0].partial_cmp(&pair[1]).is_some_and(std::cmp::Ordering::is_le))
}

fn sum(This(list): This<Arc<Vec<Value>>>) -> Result<Value, ExecutionError> {
    let mut whole = 0_i64;
    let mut real = 0.0;
    let mut is_real = false;
    for value in list.iter() {
        match value {
            Value::Int(n) => whole += n,
            Value::Float(f) => {
                real += f;
                is_real = true;
            }
            _ => {
                return Err(ExecutionError::function_error(
                    "sum",
                    "the list has entries that are no numbers",
                ));
            }
        }
    }
    Ok(if is_real { Value::Float(real) } else { Value::Int(whole) })
}

fn parsed(text: &str) -> Option<http::Uri> {
    text.parse::<http::Uri>()
        .ok()
        .filter(|u| u.scheme().is_some() || text.starts_with('/'))
}

fn url(text: Arc<String>) -> Result<Arc<String>, ExecutionError> {
    match parsed(&text) {
        Some(_) => Ok(text),
        None => Err(ExecutionError::function_error(
            "url",
            format!("URL parse error during conversion from string: {text}"),
        )),
    }
}

fn part(text: &str, pick: fn(&http::Uri) -> Option<String>) -> Arc<String> {
    Arc::new(parsed(text).as_ref().and_then(pick).unwrap_or_default())
}

fn to_quantity(text: Arc<String>) -> Result<f64, ExecutionError> {
    quantity::value(&text)
        .ok_or_else(|| ExecutionError::function_error("quantity", format!("\"{text}\" is no quantity")))
}

fn find(This(text): This<Arc<String>>, pattern: Arc<String>) -> Result<Arc<String>, ExecutionError> {
    let regex = regex::Regex::new(&pattern).map_err(|e| ExecutionError::function_error("find", e))?;
    Ok(Arc::new(
        regex.find(&text).map(|m| m.as_str().to_owned()).unwrap_or_default(),
    ))
}
