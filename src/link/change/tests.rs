//! Two ends, a radio link that works while both have the same settings, and everything that can go wrong.

use proptest::prelude::*;

use super::record::{Message, Phase, Record};
use super::*;
use super::{Change, Stage};
use crate::base::random::Random;
use crate::base::time::{Instant, Span};

/// One end: its machine, which a crash loses, and its flash and radio, which it does not.
struct End {
    change: Option<Change>,
    flash: Option<Record>,
    radio: Which,
    /// What the platform has done and not said yet.
    answers: Vec<(Instant, bool)>,
    endings: Vec<Ending>,
    rolled_back: u32,
    came: u32,
    expected: u32,
    allows: bool,
    can_save: bool,
    can_apply: bool,
}

impl End {
    fn new() -> Self {
        Self {
            change: None,
            flash: None,
            radio: Which::Old,
            answers: Vec::new(),
            endings: Vec::new(),
            rolled_back: 0,
            came: 0,
            expected: 0,
            allows: true,
            can_save: true,
            can_apply: true,
        }
    }

    fn stage(&self) -> Option<Stage> {
        self.change.as_ref().map(Change::stage)
    }
}

struct Link {
    ends: [End; 2],
    now: Instant,
    /// On their way: when they arrive, where, and what.
    flying: Vec<(Instant, usize, Vec<u8>)>,
    random: Random,
    /// Of words and probes.
    loss_percent: u64,
    /// The longest that a word takes.
    slow_ms: u64,
    /// The new settings carry nothing.
    new_is_bad: bool,
    next_probe: Instant,
    dead_man_s: u16,
}

const SECOND: Span = Span::from_secs(1);

impl Link {
    fn new(seed: u64) -> Self {
        let now = Instant::from_millis(5_000);
        Self {
            ends: [End::new(), End::new()],
            now,
            flying: Vec::new(),
            random: Random::new(seed),
            loss_percent: 0,
            slow_ms: 20,
            new_is_bad: false,
            next_probe: now,
            dead_man_s: 180,
        }
    }

    fn record(&self) -> Record {
        Record {
            id: ChangeId(7),
            side: Side::Near,
            phase: Phase::Armed,
            device: "wlan0".into(),
            peer: [1; 32],
            wanted: Wanted { numbers: vec![(Setting::Channel, 5_785)], ssid: String::new() },
            dead_man_s: self.dead_man_s,
        }
    }

    fn begin(&mut self) {
        self.ends[0].change = Some(Change::begin(self.now, self.record()));
        self.perform(0);
    }

    /// Whether frames get through.
    fn is_up(&self) -> bool {
        let [near, far] = &self.ends;
        near.radio == far.radio && !(self.new_is_bad && near.radio == Which::New)
    }

    /// Does what an end wants.
    fn perform(&mut self, place: usize) {
        let now = self.now;
        let is_up = self.is_up();
        let end = &mut self.ends[place];
        let Some(change) = &mut end.change else { return };
        while let Some(action) = change.poll() {
            let done = match action {
                Action::Arm(record) | Action::Save(record) => {
                    if end.can_save {
                        end.flash = Some(record);
                    }
                    end.can_save
                }
                Action::Apply(_, which) => {
                    let done = end.can_apply || which == Which::Old;
                    end.rolled_back += u32::from(done && which == Which::Old && end.radio == Which::New);
                    if done {
                        end.radio = which;
                    }
                    done
                }
                Action::Forget(_) => {
                    end.flash = None;
                    continue;
                }
            };
            let slow = Span::from_millis(self.random.below(500));
            end.answers.push((now + slow, done));
        }
        while let Some(word) = change.poll_word() {
            if is_up && self.random.below(100) >= self.loss_percent {
                let slow = Span::from_millis(1 + self.random.below(self.slow_ms));
                self.flying.push((now + slow, 1 - place, word));
            }
        }
        if let Stage::Over(ending) = change.stage() {
            end.endings.push(ending);
            end.change = None;
            end.answers.clear();
        }
    }

    fn deliver(&mut self, place: usize, word: &[u8]) {
        let (id, message) = Message::decode(word).expect("an end wrote it");
        let record = self.record();
        let end = &mut self.ends[place];
        match &mut end.change {
            Some(change) if change.record().id == id => change.handle_message(self.now, &message),
            None if place == 1 && end.allows && matches!(message, Message::Ask { .. }) => {
                end.change = Some(Change::asked(self.now, record));
            }
            _ => {
                let word = match message {
                    Message::Ask { .. } => Some(Message::No(Why::NotAllowed).encode(id)),
                    _ => Change::unknown(id, &message),
                };
                self.flying.extend(word.map(|word| (self.now + Span::from_millis(5), 1 - place, word)));
            }
        }
        self.perform(place);
    }

    /// Time passes, in steps of ten milliseconds.
    fn pass(&mut self, span: Span) {
        let end = self.now + span;
        while self.now < end {
            self.now = self.now + Span::from_millis(10);
            if self.next_probe <= self.now {
                self.next_probe = self.next_probe + SECOND;
                let is_up = self.is_up();
                for place in 0..2 {
                    let came = is_up && self.random.below(100) >= self.loss_percent;
                    let end = &mut self.ends[place];
                    (end.came, end.expected) = (end.came + u32::from(came), end.expected + 1);
                    if let Some(change) = &mut end.change {
                        change.handle_probes(end.came, end.expected);
                    }
                }
            }
            let is_up = self.is_up();
            let (arrived, flying) =
                std::mem::take(&mut self.flying).into_iter().partition(|one| one.0 <= self.now);
            self.flying = flying;
            for (_, place, word) in arrived as Vec<(Instant, usize, Vec<u8>)> {
                if is_up {
                    self.deliver(place, &word);
                }
            }
            for place in 0..2 {
                let answers = std::mem::take(&mut self.ends[place].answers);
                for (at, done) in answers {
                    let end = &mut self.ends[place];
                    match &mut end.change {
                        Some(change) if at <= self.now => change.handle_done(self.now, done),
                        Some(_) => end.answers.push((at, done)),
                        None => {}
                    }
                    self.perform(place);
                }
                if let Some(change) = &mut self.ends[place].change
                    && change.next_wake().is_some_and(|at| at <= self.now)
                {
                    change.handle_wake(self.now);
                }
                self.perform(place);
            }
        }
    }

    /// The power of an end goes, and comes back: before the interface comes up, the old settings are there again.
    fn crash(&mut self, place: usize) {
        let now = self.now;
        let end = &mut self.ends[place];
        (end.change, end.answers) = (None, Vec::new());
        if let Some(record) = end.flash.clone() {
            if record.is_undone_at_boot() {
                end.rolled_back += u32::from(end.radio == Which::New);
                end.radio = Which::Old;
            }
            end.change = Some(Change::found(now, record));
        }
        self.perform(place);
    }

    /// Both are done, and where.
    fn done(&self) -> Option<Which> {
        let [near, far] = &self.ends;
        let quiet = self.ends.iter().all(|end| end.change.is_none() && end.flash.is_none());
        (quiet && near.radio == far.radio).then_some(near.radio)
    }

    fn until_done(&mut self) -> Option<Which> {
        // The far end tries each for nine minutes, the near one for three.
        for _ in 0..60 {
            if let Some(which) = self.done() {
                return Some(which);
            }
            self.pass(Span::from_secs(60));
        }
        self.done()
    }
}

#[test]
fn a_good_change_is_kept_by_both_and_the_far_end_goes_first() {
    let mut link = Link::new(1);
    link.begin();
    let mut moved = [None, None];
    for _ in 0..6_000 {
        link.pass(Span::from_millis(10));
        for (end, moved) in link.ends.iter().zip(&mut moved) {
            if end.radio == Which::New {
                moved.get_or_insert(link.now);
            }
        }
    }
    assert_eq!(link.done(), Some(Which::New), "{:?}", link.ends.each_ref().map(End::stage));
    let [Some(near), Some(far)] = moved else { panic!("{moved:?}") };
    let apart = near.since(far).as_millis();
    assert!((900..=1_100).contains(&apart), "{apart} ms");
    assert_eq!(link.ends.each_ref().map(|end| end.endings.clone()), [[Ending::Kept], [Ending::Kept]]);
}

#[test]
fn half_of_the_way_is_taken_off_however_slow_the_words_are() {
    for slow_ms in [1, 200, 1_500] {
        let mut link = Link::new(slow_ms);
        link.slow_ms = slow_ms;
        link.begin();
        let mut moved = [None, None];
        while moved[0].is_none() {
            link.pass(Span::from_millis(10));
            for (end, moved) in link.ends.iter().zip(&mut moved) {
                if end.radio == Which::New {
                    moved.get_or_insert(link.now);
                }
            }
        }
        let apart = moved[0].unwrap().since(moved[1].expect("far first")).as_millis();
        assert!(apart >= 1_000 - slow_ms.min(900) / 2 && apart <= 1_020 + slow_ms, "{slow_ms}: {apart}");
    }
}

#[test]
fn settings_that_carry_nothing_are_left_by_each_end_alone() {
    let mut link = Link::new(2);
    link.new_is_bad = true;
    link.begin();
    link.pass(Span::from_secs(60));
    assert_eq!(link.ends.each_ref().map(|end| end.radio), [Which::New; 2]);
    link.pass(Span::from_secs(130));
    assert_eq!(link.done(), Some(Which::Old));
    assert_eq!(link.ends.each_ref().map(|end| end.rolled_back), [1, 1]);
    assert_eq!(link.ends[0].endings, [Ending::RolledBack]);
}

#[test]
fn a_link_that_loses_a_fourth_is_no_better_and_not_kept() {
    let mut link = Link::new(3);
    link.begin();
    link.pass(Span::from_secs(5));
    link.loss_percent = 35;
    assert_eq!(link.until_done(), Some(Which::Old));
    assert_eq!(link.ends.each_ref().map(|end| end.rolled_back), [1, 1]);
}

#[test]
fn what_cannot_be_kept_on_flash_or_is_not_allowed_changes_nothing() {
    for (place, wish) in [(0, "flash"), (1, "flash"), (1, "allows")] {
        let mut link = Link::new(4);
        match wish {
            "flash" => link.ends[place].can_save = false,
            _ => link.ends[place].allows = false,
        }
        link.begin();
        link.pass(Span::from_secs(10));
        assert_eq!(link.done(), Some(Which::Old), "{place} {wish}");
        assert_eq!(link.ends.each_ref().map(|end| end.rolled_back), [0, 0]);
        let why = if wish == "flash" { Why::NotArmed } else { Why::NotAllowed };
        assert_eq!(link.ends[0].endings, [Ending::Refused(why)], "{place} {wish}");
    }
}

#[test]
fn a_radio_that_refuses_the_new_settings_has_the_old_ones() {
    for place in 0..2 {
        let mut link = Link::new(5);
        link.ends[place].can_apply = false;
        link.begin();
        assert_eq!(link.until_done(), Some(Which::Old));
    }
}

#[test]
fn nobody_there_is_said_after_a_minute() {
    let mut link = Link::new(6);
    link.loss_percent = 100;
    link.begin();
    link.pass(Span::from_secs(70));
    assert_eq!(link.done(), Some(Which::Old));
    assert_eq!(link.ends[0].endings, [Ending::Refused(Why::Silence)]);
}

/// The six phases in which an end is killed: what its flash then holds, and who rolls back.
#[test]
fn an_end_killed_in_any_phase_ends_where_the_other_one_does() {
    let mut told = Vec::new();
    for place in 0..2 {
        for after_ms in [100, 1_500, 3_500, 4_600, 15_000, 24_300] {
            let mut link = Link::new(after_ms);
            link.begin();
            link.pass(Span::from_millis(after_ms));
            let stage = link.ends[place].stage();
            link.crash(place);
            let end = link.until_done();
            assert!(end.is_some(), "{place} {after_ms}: {:?}", link.ends.each_ref().map(End::stage));
            told.push((place, stage, end.unwrap(), link.ends.each_ref().map(|end| end.rolled_back)));
        }
    }
    let kept = told.iter().filter(|row| row.2 == Which::New).count();
    let rolled_back: u32 = told.iter().flat_map(|row| row.3).sum();
    assert!(kept >= 1 && rolled_back >= 8, "{told:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Any loss, any delay, any crashes, a radio that works or does not: when all that is over, both ends have
    /// the same settings, and a link that works.
    #[test]
    fn both_ends_end_on_the_same_settings(
        seed in any::<u64>(),
        loss in 0_u64..=70,
        slow_ms in 1_u64..3_000,
        new_is_bad in prop::bool::weighted(0.3),
        crashes in prop::collection::vec((0_usize..2, 0_u64..400_000), 0..5),
        outages in prop::collection::vec((0_u64..300_000, 0_u64..600_000), 0..3),
    ) {
        let mut link = Link::new(seed);
        (link.loss_percent, link.slow_ms, link.new_is_bad) = (loss, slow_ms, new_is_bad);
        link.begin();
        let start = link.now;
        let mut crashes = crashes;
        crashes.sort_by_key(|(_, at)| *at);
        let mut crashes = crashes.into_iter().peekable();
        while link.now.since(start) < Span::from_secs(1_000) {
            link.pass(Span::from_millis(100));
            let passed_ms = link.now.since(start).as_millis();
            let is_out = outages.iter().any(|(from, long)| (*from..from + long).contains(&passed_ms));
            link.loss_percent = if is_out { 100 } else { loss };
            while let Some((place, _)) = crashes.next_if(|(_, at)| *at <= passed_ms) {
                link.crash(place);
            }
        }
        link.loss_percent = 0;
        let end = link.until_done();
        let stages = link.ends.each_ref().map(|end| (end.stage(), end.radio, end.rolled_back));
        prop_assert!(end.is_some(), "{stages:?}");
        prop_assert!(!(new_is_bad && end == Some(Which::New)), "{stages:?}");
        prop_assert!(link.is_up());
    }
}
