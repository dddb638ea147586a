//! How a call over ubus ends.

use std::fmt;
use std::io;

use super::value::ValueError;

/// The number that ends every request (`enum ubus_msg_status`), as the `ubus` tool and uhttpd show it.
/// It speaks to programmers; what a person should read is data with status 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UbusStatus {
    /// 1: the message makes no sense.
    InvalidCommand,
    /// 2: an argument is missing or of the wrong kind.
    InvalidArgument,
    /// 3: the object has no such method.
    MethodNotFound,
    /// 4: there is no such object, or none that the caller may see.
    NotFound,
    /// 5: there is nothing to tell.
    NoData,
    /// 6: the caller may not do this.
    PermissionDenied,
    /// 7: nobody answered in time.
    Timeout,
    /// 8: this cannot be done here.
    NotSupported,
    /// 9: something else went wrong.
    UnknownError,
    /// 10: the other side went away.
    ConnectionFailed,
    /// 11: too much at once.
    NoMemory,
    /// 12: the message could not be read.
    ParseError,
    /// 13: the system refused.
    SystemError,
    /// A number that the protocol does not name.
    Other(i32),
}

/// Why a call of ours brought no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UbusError {
    /// The broker or the object answered with this status.
    Status(UbusStatus),
    /// No answer came in time.
    Timeout,
    /// There is no connection to the broker, or it ended while we waited.
    Gone,
    /// As many calls as we allow ourselves are already waiting.
    Busy,
    /// The answer is larger than we read.
    TooLarge,
    /// What should be sent, or what came, is no value.
    Value(ValueError),
    /// The socket refused.
    Io(io::ErrorKind),
}

/// The numbers and their variants, in the order of `ubusmsg.h`.
const NUMBERS: [(i32, UbusStatus); 13] = [
    (1, UbusStatus::InvalidCommand),
    (2, UbusStatus::InvalidArgument),
    (3, UbusStatus::MethodNotFound),
    (4, UbusStatus::NotFound),
    (5, UbusStatus::NoData),
    (6, UbusStatus::PermissionDenied),
    (7, UbusStatus::Timeout),
    (8, UbusStatus::NotSupported),
    (9, UbusStatus::UnknownError),
    (10, UbusStatus::ConnectionFailed),
    (11, UbusStatus::NoMemory),
    (12, UbusStatus::ParseError),
    (13, UbusStatus::SystemError),
];

impl UbusStatus {
    /// The number on the wire.
    pub fn code(self) -> i32 {
        match self {
            Self::Other(code) => code,
            named => NUMBERS
                .iter()
                .find(|(_, status)| *status == named)
                .map(|(code, _)| *code)
                .expect("every named status stands in the table"),
        }
    }

    /// What a number of the wire means; `None` is 0, all is well.
    pub(super) fn from_code(code: i32) -> Option<Self> {
        if code == 0 {
            return None;
        }
        let named = NUMBERS.iter().find(|(number, _)| *number == code).map(|(_, status)| *status);
        Some(named.unwrap_or(Self::Other(code)))
    }
}

impl fmt::Display for UbusStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::InvalidCommand => "the message makes no sense",
            Self::InvalidArgument => "an argument is missing or of the wrong kind",
            Self::MethodNotFound => "the object has no such method",
            Self::NotFound => "no such object, or no right to see it",
            Self::NoData => "nothing to tell",
            Self::PermissionDenied => "permission denied",
            Self::Timeout => "nobody answered in time",
            Self::NotSupported => "not supported",
            Self::UnknownError => "an error without a name",
            Self::ConnectionFailed => "the connection failed",
            Self::NoMemory => "too much at once",
            Self::ParseError => "the message could not be read",
            Self::SystemError => "the system refused",
            Self::Other(code) => return write!(formatter, "status {code}"),
        };
        write!(formatter, "{words} (status {})", self.code())
    }
}

impl fmt::Display for UbusError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => status.fmt(formatter),
            Self::Timeout => formatter.write_str("no answer in time"),
            Self::Gone => formatter.write_str("no connection to the ubus broker"),
            Self::Busy => formatter.write_str("too many calls are waiting"),
            Self::TooLarge => formatter.write_str("the answer is larger than a ubus message may be here"),
            Self::Value(error) => error.fmt(formatter),
            Self::Io(kind) => kind.fmt(formatter),
        }
    }
}

impl std::error::Error for UbusStatus {}
impl std::error::Error for UbusError {}

impl From<ValueError> for UbusError {
    fn from(error: ValueError) -> Self {
        Self::Value(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_its_status_and_back() {
        assert_eq!(UbusStatus::from_code(0), None);
        for code in (-3..20).filter(|code| *code != 0) {
            assert_eq!(UbusStatus::from_code(code).unwrap().code(), code);
        }
        assert_eq!(UbusStatus::from_code(6), Some(UbusStatus::PermissionDenied));
        assert_eq!(UbusStatus::from_code(99), Some(UbusStatus::Other(99)));
    }
}
