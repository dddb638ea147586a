//! Hours of the day in a zone of its own: a village has one, whatever its routers are set to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// From one minute of the day to another, which may be of the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// The first minute of the day.
    from: u16,
    /// The minute that is not of them any more.
    to: u16,
    /// Minutes that the clocks there are ahead of UTC.
    ahead: i16,
}

impl Hours {
    /// From a minute of the day to another one, in a zone so many minutes ahead of UTC. `None` if there is no such
    /// minute or zone, or the two are one.
    pub fn new(from: u16, to: u16, ahead: i16) -> Option<Self> {
        let is_minute = |minute: u16| minute < DAY;
        let is_zone = (-12 * 60..=14 * 60).contains(&ahead);
        (is_zone && is_minute(from) && is_minute(to) && from != to).then_some(Self { from, to, ahead })
    }

    /// The same three numbers.
    pub const fn parts(self) -> (u16, u16, i16) {
        (self.from, self.to, self.ahead)
    }

    /// Whether this second, counted from 1970 in UTC, is of them.
    pub fn have(self, unix_s: u64) -> bool {
        let minute = i64::try_from(unix_s / 60).unwrap_or(0) + i64::from(self.ahead);
        let minute = minute.rem_euclid(DAY.into());
        let (from, to) = (i64::from(self.from), i64::from(self.to));
        if from < to { (from..to).contains(&minute) } else { minute >= from || minute < to }
    }

    /// When they begin and end, as a clock shows it there.
    pub fn ends(self) -> [String; 2] {
        [self.from, self.to].map(clock)
    }
}

impl FromStr for Hours {
    type Err = ();

    /// `22:00-06:00 UTC-06:00`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (span, zone) = text.split_once(" UTC").ok_or(())?;
        let (from, to) = span.split_once('-').ok_or(())?;
        let ahead = match zone.split_at_checked(1) {
            None => 0,
            Some(("+", zone)) => i16::try_from(minutes(zone)?).map_err(drop)?,
            Some(("-", zone)) => -i16::try_from(minutes(zone)?).map_err(drop)?,
            Some(_) => return Err(()),
        };
        Self::new(minutes(from)?, minutes(to)?, ahead).ok_or(())
    }
}

impl fmt::Display for Hours {
    /// As it is read.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [from, to] = self.ends();
        write!(formatter, "{from}-{to} UTC")?;
        match self.ahead {
            0 => Ok(()),
            ahead => {
                let sign = if ahead < 0 { '-' } else { '+' };
                write!(formatter, "{sign}{}", clock(ahead.unsigned_abs()))
            }
        }
    }
}

fn clock(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

fn minutes(text: &str) -> Result<u16, ()> {
    let (hours, minutes) = text.split_once(':').ok_or(())?;
    let number = |text: &str, most: u16| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number: Option<u16> = is_number.then(|| text.parse().ok()).flatten();
        number.filter(|number| *number <= most).ok_or(())
    };
    Ok(number(hours, 23)? * 60 + number(minutes, 59)?)
}

/// Minutes of a day.
const DAY: u16 = 1_440;

#[cfg(test)]
mod tests {
    use super::*;

    /// A noon.
    const NOON: u64 = 1_795_262_400;

    #[test]
    fn hours_are_read_as_they_are_meant() {
        let have = |text: &str, unix_s| text.parse::<Hours>().unwrap().have(unix_s);
        assert!(have("12:00-12:01 UTC", NOON) && !have("12:01-12:00 UTC", NOON));
        assert!(have("17:30-18:00 UTC+05:30", NOON) && !have("17:00-17:30 UTC+05:30", NOON));
        assert!(have("23:59-00:01 UTC", 0) && have("23:59-00:01 UTC-01:00", 3_600));
        let wrong = [
            "",
            "22:00",
            "22:00-06:00",
            "22:00-22:00 UTC",
            "24:00-06:00 UTC",
            "22:60-06:00 UTC",
            "2:00-06:00 UTC",
            "22:00-06:00 UTC-6",
            "22:00-06:00 UTC-13:00",
            "22:00-06:00 UTC+14:01",
            "22:00-06:00 CST",
            "+1:00-06:00 UTC",
        ];
        for text in wrong {
            assert_eq!(text.parse::<Hours>(), Err(()), "{text}");
        }
    }

    #[test]
    fn they_are_said_as_they_are_read() {
        for text in ["22:00-06:00 UTC-06:00", "00:00-23:59 UTC", "08:05-14:00 UTC+05:45"] {
            let hours: Hours = text.parse().unwrap();
            assert_eq!(hours.to_string(), text);
            let (from, to, ahead) = hours.parts();
            assert_eq!(Hours::new(from, to, ahead), Some(hours));
        }
        for (from, to, ahead) in [(1_440, 0, 0), (0, 1_440, 0), (7, 7, 0), (0, 1, -721), (0, 1, 841)] {
            assert_eq!(Hours::new(from, to, ahead), None);
        }
    }
}
