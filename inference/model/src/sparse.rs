//! Compressed sparse rows: the form in which the solvers get documents.

use rayon::prelude::*;

/// Rows filled together.
const ROWS_AT_ONCE: usize = 1024;

/// A sparse matrix of `rows` documents × `cols` terms, row after row (the layout of `scipy.sparse.csr_matrix`).
///
/// Row `i` occupies `indptr[i]..indptr[i + 1]` of `indices` and `values`. The column numbers in `indices` have no
/// repeats and ascend within a row, unless a user renumbered them.
///
/// ```
/// use complaint_model::sparse::CsrMatrix;
///
/// let m = CsrMatrix::from_rows(3, [vec![(0, 1.0), (2, 2.0)], vec![], vec![(1, 4.0)]]);
/// assert_eq!(m.row(0), (&[0, 2][..], &[1.0, 2.0][..]));
/// assert_eq!(m.select_rows(&[2]).row(0), (&[1][..], &[4.0][..]));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CsrMatrix {
    /// Number of documents.
    pub rows: usize,
    /// Number of terms.
    pub cols: usize,
    /// `rows + 1` offsets into `indices` and `values`, ascending from 0.
    pub indptr: Vec<usize>,
    /// Column numbers, below `cols`.
    pub indices: Vec<u32>,
    /// The entry for each of `indices`.
    pub values: Vec<f32>,
}

impl CsrMatrix {
    /// An empty matrix with `cols` columns, to which rows can be pushed.
    pub fn with_cols(cols: usize) -> Self {
        Self {
            rows: 0,
            cols,
            indptr: vec![0],
            indices: Vec::new(),
            values: Vec::new(),
        }
    }

    /// A matrix from rows of `(column, value)` pairs in ascending column order.
    ///
    /// # Panics
    /// If a column is not below `cols` or a row's columns don't ascend.
    pub fn from_rows<R>(cols: usize, rows: impl IntoIterator<Item = R>) -> Self
    where
        R: IntoIterator<Item = (u32, f32)>,
    {
        let mut matrix = Self::with_cols(cols);
        for row in rows {
            let mut previous = None;
            for (column, value) in row {
                assert!(
                    (column as usize) < cols,
                    "column {column} of a matrix with {cols} columns"
                );
                assert!(
                    previous < Some(column),
                    "column {column} after {previous:?}: columns must ascend"
                );
                previous = Some(column);
                matrix.indices.push(column);
                matrix.values.push(value);
            }
            matrix.finish_row();
        }
        matrix
    }

    /// Ends the row whose entries were pushed to `indices` and `values` since the last call.
    pub fn finish_row(&mut self) {
        self.indptr.push(self.indices.len());
        self.rows += 1;
    }

    /// Columns and values of row `i`.
    ///
    /// # Panics
    /// If `i` is not below `rows`.
    #[inline]
    pub fn row(&self, i: usize) -> (&[u32], &[f32]) {
        let range = self.indptr[i]..self.indptr[i + 1];
        (&self.indices[range.clone()], &self.values[range])
    }

    /// Makes a matrix of the rows `rows`, in that order. A row may be named several times.
    ///
    /// # Panics
    /// If a row number is not below `self.rows`.
    pub fn select_rows(&self, rows: &[u32]) -> Self {
        let entries = rows.iter().map(|&r| self.row(r as usize).0.len()).sum();
        let mut selected = Self {
            rows: rows.len(),
            cols: self.cols,
            indptr: Vec::with_capacity(rows.len() + 1),
            indices: Vec::with_capacity(entries),
            values: Vec::with_capacity(entries),
        };
        selected.indptr.push(0);
        for &row in rows {
            let (indices, values) = self.row(row as usize);
            selected.indices.extend_from_slice(indices);
            selected.values.extend_from_slice(values);
            selected.indptr.push(selected.indices.len());
        }
        selected
    }

    /// Makes rows of known lengths. `fill` writes them in place on all threads of the current rayon pool, so no part of
    /// the matrix exists twice. `fill` gets each row's number, columns and values.
    pub(crate) fn filled(cols: usize, lengths: &[usize], fill: impl Fn(usize, &mut [u32], &mut [f32]) + Sync) -> Self {
        let mut indptr = Vec::with_capacity(lengths.len() + 1);
        indptr.push(0);
        let mut end = 0;
        indptr.extend(lengths.iter().map(|length| {
            end += length;
            end
        }));
        let mut matrix = Self {
            rows: lengths.len(),
            cols,
            indptr,
            indices: vec![0; end],
            values: vec![0.0; end],
        };
        let (mut indices, mut values) = (matrix.indices.as_mut_slice(), matrix.values.as_mut_slice());
        let mut parts = Vec::with_capacity(lengths.len().div_ceil(ROWS_AT_ONCE));
        for (part, lengths) in lengths.chunks(ROWS_AT_ONCE).enumerate() {
            let entries = lengths.iter().sum();
            parts.push((
                part * ROWS_AT_ONCE,
                lengths,
                indices.split_off_mut(..entries).unwrap_or_default(),
                values.split_off_mut(..entries).unwrap_or_default(),
            ));
        }
        parts
            .into_par_iter()
            .for_each(|(first, lengths, mut indices, mut values)| {
                for (row, &length) in lengths.iter().enumerate() {
                    let indices = indices.split_off_mut(..length).unwrap_or_default();
                    fill(first + row, indices, values.split_off_mut(..length).unwrap_or_default());
                }
            });
        matrix
    }

    /// All rows of `parts`, one part after the other.
    pub(crate) fn concat(cols: usize, parts: &[Self]) -> Self {
        let entries = parts.iter().map(Self::entries).sum();
        let mut all = Self::with_cols(cols);
        all.indices.reserve_exact(entries);
        all.values.reserve_exact(entries);
        for part in parts {
            let start = all.indices.len();
            all.indices.extend_from_slice(&part.indices);
            all.values.extend_from_slice(&part.values);
            all.indptr.extend(part.indptr[1..].iter().map(|end| start + end));
            all.rows += part.rows;
        }
        all
    }

    /// Number of stored entries.
    pub fn entries(&self) -> usize {
        self.indices.len()
    }
}
