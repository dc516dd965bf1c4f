//! Input tensors of the Open Inference Protocol: BYTES elements as JSON strings, or as binary tensor data after the
//! JSON header.
//!
//! In the binary extension, the request header `Inference-Header-Content-Length` gives the length of the JSON. An input
//! with the parameter `binary_data_size` takes that many of the bytes after the JSON. Each element is a little-endian
//! 32-bit length followed by its bytes.

use axum::http::{HeaderMap, HeaderName};
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::error::ApiError;
use super::json::Object;
use crate::core::refusal::{Refusal, shorten};

const HEADER_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

/// Base64 padding is optional.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Splits a request body into its JSON header and the binary tensors after it.
pub(super) struct BinaryTensors;

impl BinaryTensors {
    /// The JSON part and the bytes after it. Without the extension's header, the whole body is JSON.
    pub(super) fn split<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), ApiError> {
        let Some(value) = headers.get(HEADER_LENGTH) else {
            return Ok((body, &[]));
        };
        let length = value.to_str().ok().and_then(|text| text.parse::<usize>().ok());
        length.and_then(|length| body.split_at_checked(length)).ok_or_else(|| {
            ApiError::InvalidRequest(format!(
                "inference-header-content-length must be the length of the JSON part, at most the body's {} bytes",
                body.len()
            ))
        })
    }
}

/// One input tensor.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object with `name`, `shape`, `datatype` and `data`")]
pub(super) struct InputTensor {
    /// Any name; the model has one input.
    name: String,
    /// The product of its numbers is the number of elements.
    shape: Vec<usize>,
    /// `BYTES`.
    datatype: String,
    /// The texts, flat or nested according to the shape.
    data: Option<Value>,
    #[schema(value_type = Option<Parameters>)]
    parameters: Option<Object<Parameters>>,
}

/// Parameters of an input.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
#[schema(as = TensorParameters)]
struct Parameters {
    /// From the binary extension: length of this input's binary data after the JSON.
    binary_data_size: Option<usize>,
    /// The encoding of the elements, in the terms of MLServer's clients: `str` (the default) or `base64`.
    content_type: Option<String>,
}

/// Parameters of a request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
#[schema(as = InferParameters)]
pub(super) struct RequestParameters {
    /// The content type of an input that names none.
    content_type: Option<String>,
}

/// The encoding of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Plain,
    Base64,
}

impl InputTensor {
    /// The texts, row-major, for any shape. `tail` holds the bytes after the JSON header.
    pub(super) fn texts(
        &self,
        request: Option<&RequestParameters>,
        tail: &[u8],
        max_texts: usize,
    ) -> Result<Vec<String>, ApiError> {
        if self.datatype != "BYTES" {
            return Err(self.invalid(&format!("has datatype `{}`; texts are BYTES", shorten(&self.datatype))));
        }
        let content = self.content(request)?;
        let size = self.parameters.as_ref().and_then(|Object(own)| own.binary_data_size);
        let mut texts = match (&self.data, size) {
            (Some(data), None) => {
                let mut texts = Vec::new();
                self.flatten(data, &mut texts)?;
                texts
            }
            (None, Some(size)) => self.decode(size, tail, max_texts)?,
            _ => return Err(self.invalid("needs exactly one of `data` and the parameter `binary_data_size`")),
        };
        let expected = self
            .shape
            .iter()
            .try_fold(1_usize, |product, &side| product.checked_mul(side));
        if expected != Some(texts.len()) {
            return Err(self.invalid(&format!("has shape {:?} but {} elements", self.shape, texts.len())));
        }
        if content == Content::Base64 {
            for (number, text) in texts.iter_mut().enumerate() {
                *text = self.decode_base64(number, text)?;
            }
        }
        Ok(texts)
    }

    fn content(&self, request: Option<&RequestParameters>) -> Result<Content, ApiError> {
        let own = self
            .parameters
            .as_ref()
            .and_then(|Object(own)| own.content_type.as_deref());
        match own.or(request.and_then(|request| request.content_type.as_deref())) {
            // `np` and `pd` choose the tensor's type in Python. The elements are plain texts.
            None | Some("str" | "np" | "pd") => Ok(Content::Plain),
            Some("base64") => Ok(Content::Base64),
            Some(other) => {
                let other = shorten(other);
                Err(self.invalid(&format!(
                    "has content_type `{other}`, which is not supported; send str or base64"
                )))
            }
        }
    }

    fn decode_base64(&self, number: usize, text: &str) -> Result<String, ApiError> {
        let bytes = BASE64.decode(text.trim_ascii());
        let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        text.ok_or_else(|| {
            self.invalid(&format!(
                "has an element ({number}) that is not base64 of a text in UTF-8"
            ))
        })
    }

    /// Nested arrays are allowed if they match the shape. The parser's depth limit bounds the recursion.
    fn flatten(&self, data: &Value, texts: &mut Vec<String>) -> Result<(), ApiError> {
        match data {
            Value::Array(items) => items.iter().try_for_each(|item| self.flatten(item, texts)),
            Value::String(text) => {
                texts.push(text.clone());
                Ok(())
            }
            _ => Err(self.invalid(&format!("has data that are not strings, at element {}", texts.len()))),
        }
    }

    fn decode(&self, size: usize, tail: &[u8], max_texts: usize) -> Result<Vec<String>, ApiError> {
        if size != tail.len() {
            let found = tail.len();
            return Err(self.invalid(&format!(
                "announces {size} bytes of binary data, {found} follow the JSON part"
            )));
        }
        let cut = || self.invalid("has binary data that end within an element");
        let mut texts = Vec::new();
        let mut rest = tail;
        while !rest.is_empty() {
            if texts.len() == max_texts {
                let count = texts.len() + 1;
                let limit = max_texts;
                return Err(Refusal::TooManyTexts { count, limit }.into());
            }
            let (length, behind) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
            let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
            let (element, behind) = behind.split_at_checked(length).ok_or_else(cut)?;
            let text = std::str::from_utf8(element)
                .map_err(|_| self.invalid(&format!("has an element ({}) that is not UTF-8", texts.len())))?;
            texts.push(text.to_owned());
            rest = behind;
        }
        Ok(texts)
    }

    fn invalid(&self, what: &str) -> ApiError {
        ApiError::InvalidRequest(format!("input `{}` {what}", shorten(&self.name)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tensor(value: Value) -> InputTensor {
        serde_json::from_value(value).unwrap()
    }

    fn binary(elements: &[&[u8]]) -> Vec<u8> {
        let prefixed = |e: &&[u8]| [&u32::try_from(e.len()).unwrap().to_le_bytes()[..], e].concat();
        elements.iter().flat_map(prefixed).collect()
    }

    #[test]
    fn nested_data_are_read_row_by_row() {
        let input = tensor(json!({"name": "t", "shape": [2, 1], "datatype": "BYTES", "data": [["a"], ["b"]]}));
        assert_eq!(input.texts(None, &[], 10).unwrap(), ["a", "b"]);
    }

    #[test]
    fn binary_elements_carry_their_length() {
        let tail = binary(&["grüße".as_bytes(), b""]);
        let input = tensor(json!({
            "name": "t", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": tail.len()},
        }));
        assert_eq!(input.texts(None, &tail, 10).unwrap(), ["grüße", ""]);
    }

    #[test]
    fn base64_is_decoded_wherever_it_is_named() {
        let data = json!(["Z3LDvMOfZQ==", "YQ"]);
        let own = |content: Value| {
            tensor(json!({
                "name": "t", "shape": [2], "datatype": "BYTES", "data": data, "parameters": { "content_type": content },
            }))
        };
        let request = RequestParameters {
            content_type: Some("base64".into()),
        };
        let texts = |input: InputTensor, request| input.texts(request, &[], 10);
        assert_eq!(texts(own(json!("base64")), None).unwrap(), ["gr\u{fc}\u{df}e", "a"]);
        assert_eq!(
            texts(own(Value::Null), Some(&request)).unwrap(),
            ["gr\u{fc}\u{df}e", "a"]
        );
        assert_eq!(
            texts(own(json!("str")), Some(&request)).unwrap(),
            ["Z3LDvMOfZQ==", "YQ"]
        );
        let error = texts(own(json!("image/png")), None).unwrap_err().to_string();
        assert!(
            error.contains("content_type `image/png`, which is not supported"),
            "{error}"
        );

        let tail = binary(&[b"YQ==", b"_w=="]);
        let input = tensor(json!({
            "name": "t", "shape": [2], "datatype": "BYTES",
            "parameters": { "binary_data_size": tail.len(), "content_type": "base64" },
        }));
        let error = input.texts(None, &tail, 10).unwrap_err().to_string();
        assert!(error.contains("element (1) that is not base64"), "{error}");
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_reason() {
        let base = |data: Value| json!({"name": "t", "shape": [1], "datatype": "BYTES", "data": data});
        let sized = |size: usize| json!({"name": "t", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": size}});
        let huge = json!({"name": "t", "shape": [usize::MAX, 2], "datatype": "BYTES", "data": ["a"]});
        for (name, value, tail, expected) in [
            (
                "datatype",
                json!({"name": "t", "shape": [1], "datatype": "FP32", "data": [1.0]}),
                vec![],
                "texts are BYTES",
            ),
            ("numbers", base(json!([1])), vec![], "not strings"),
            ("shape", base(json!(["a", "b"])), vec![], "2 elements"),
            ("huge shape", huge, vec![], "1 elements"),
            (
                "no data",
                json!({"name": "t", "shape": [1], "datatype": "BYTES"}),
                vec![],
                "exactly one",
            ),
            ("size", sized(7), vec![0; 3], "3 follow"),
            ("cut length", sized(3), vec![0; 3], "end within"),
            ("cut element", sized(5), vec![9, 0, 0, 0, b'a'], "end within"),
            ("utf-8", sized(5), vec![1, 0, 0, 0, 0xff], "not UTF-8"),
        ] {
            let error = tensor(value).texts(None, &tail, 10).unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
        let many = tensor(sized(12));
        assert!(matches!(
            many.texts(None, &[0; 12], 2),
            Err(ApiError::Refused(Refusal::TooManyTexts { .. }))
        ));
    }
}
