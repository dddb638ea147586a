//! Frames in a file that tcpdump and Wireshark read (the classic pcap format, microseconds, Ethernet).

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::failure::{Outcome, io};

/// An open capture. What cannot be written (a full disk) is lost: a capture must not disturb the story.
#[derive(Debug)]
pub struct Pcap {
    file: BufWriter<File>,
    octets_left: u64,
}

impl Pcap {
    /// Makes the file.
    pub fn create(path: &Path) -> Outcome<Self> {
        let file = File::create(path).map_err(io(format!("the capture {}", path.display())))?;
        let mut pcap = Self { file: BufWriter::new(file), octets_left: SIZE_LIMIT };
        let (magic, major, minor, snap, ethernet) = (0xa1b2_c3d4_u32, 2_u16, 4_u16, 65_535_u32, 1_u32);
        let mut header = Vec::with_capacity(24);
        header.extend_from_slice(&magic.to_ne_bytes());
        header.extend_from_slice(&major.to_ne_bytes());
        header.extend_from_slice(&minor.to_ne_bytes());
        header.extend_from_slice(&[0; 8]);
        header.extend_from_slice(&snap.to_ne_bytes());
        header.extend_from_slice(&ethernet.to_ne_bytes());
        pcap.put(&header);
        Ok(pcap)
    }

    /// Adds a frame with the time of now.
    pub fn write(&mut self, frame: &[u8]) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut record = Vec::with_capacity(16 + frame.len());
        // The format ends in 2106.
        record.extend_from_slice(&(now.as_secs() as u32).to_ne_bytes());
        record.extend_from_slice(&now.subsec_micros().to_ne_bytes());
        record.extend_from_slice(&(frame.len() as u32).to_ne_bytes());
        record.extend_from_slice(&(frame.len() as u32).to_ne_bytes());
        record.extend_from_slice(frame);
        self.put(&record);
    }

    fn put(&mut self, bytes: &[u8]) {
        if let Some(left) = self.octets_left.checked_sub(bytes.len() as u64) {
            self.octets_left = left;
            let _ = self.file.write_all(bytes);
            // Whoever looks at the file during the story wants whole records.
            let _ = self.file.flush();
        }
    }
}

/// A capture stops growing here.
const SIZE_LIMIT: u64 = 64 << 20;

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn a_capture_has_a_header_and_whole_records() {
        let path = std::env::temp_dir().join(format!("tequio-pcap-test-{}", std::process::id()));
        let mut pcap = Pcap::create(&path).expect("the directory for temporary files is writable");
        pcap.write(&[7; 60]);
        drop(pcap);
        let bytes = std::fs::read(&path).expect("the file was just written");
        let _ = std::fs::remove_file(&path);
        assert_eq!(bytes.len(), 24 + 16 + 60);
        assert_eq!(bytes[..4], 0xa1b2_c3d4_u32.to_ne_bytes());
        assert_eq!(bytes[24 + 8..24 + 12], 60_u32.to_ne_bytes());
    }
}
