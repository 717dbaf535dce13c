//! Annotations as participants make and see them: layers that agree, pictures that are exact.

mod convergence;
mod corpus;
mod drawing;
mod painting;
