//! An answer, line by line as it comes: a day of points or a year takes the same memory.

use reqwest::Response;

use super::source::ReadError;
use crate::destination::http;
use crate::destination::influxdb::server::Server;

/// No answer has such a line: 10,000 rows of InfluxDB 1.x take about 2 MB.
const LONGEST: usize = 64 * 1024 * 1024;

/// The lines of an answer.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    server: &'a Server,
    response: Response,
    /// Bytes that came and weren't taken yet, from `at` on.
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(server: &'a Server, response: Response) -> Self {
        Self { server, response, buffer: Vec::new(), at: 0, ended: false }
    }

    /// The next line without its end; `None` after the last one.
    ///
    /// # Errors
    /// When the answer breaks off, isn't UTF-8 or has a line without end.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, ReadError> {
        let mut searched = self.at;
        loop {
            if let Some(length) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let end = searched + length;
                let line = self.text(end)?;
                self.at = end + 1;
                return Ok(Some(line));
            }
            if self.ended {
                if self.at == self.buffer.len() {
                    return Ok(None);
                }
                let line = self.text(self.buffer.len())?;
                self.at = self.buffer.len();
                return Ok(Some(line));
            }
            self.buffer.drain(..self.at);
            self.at = 0;
            searched = self.buffer.len();
            if searched > LONGEST {
                return Err(ReadError::TooMuch("the answer is one line without end".to_owned()));
            }
            let chunk = self
                .response
                .chunk()
                .await
                .map_err(|error| ReadError::Failed(http::no_answer(&self.server.url, error)))?;
            match chunk {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None => self.ended = true,
            }
        }
    }

    fn text(&self, end: usize) -> Result<String, ReadError> {
        let bytes = &self.buffer[self.at..end];
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        String::from_utf8(bytes.to_vec())
            .map_err(|_| ReadError::Failed("the answer to a query is no text".to_owned()))
    }
}
