/// A channel of the project, and when messages may go through it.
package struct ChannelDefinition: Sendable {
    package var name: String
    package var channel: any Channel
    /// How long the first news of a rule waits for others.
    package var groupWaitMicroseconds: Int64 = 0
    /// How long after a message of a rule the next may follow.
    package var groupIntervalMicroseconds: Int64 = 300_000_000
    /// After how long what still fires is told again; nil: never.
    package var repeatIntervalMicroseconds: Int64?
    /// When only critical news is told; nil: never.
    package var quietHours: QuietHours?

    package init(name: String, channel: any Channel) { (self.name, self.channel) = (name, channel) }

    /// `mail`, `webhook`, `slack` or `command`.
    package var kind: String { type(of: channel).kind }
}

/// Hours of the day in which people want to sleep.
package struct QuietHours: Sendable, Equatable {
    package var from: ClockTime
    /// Before `from`, or equal to it, it is of the next day.
    package var to: ClockTime
    /// A name of the IANA database.
    package var timeZone: String
    /// The days on which they begin, 1 (Monday) to 7, ascending; nil: every day.
    package var days: [Int]?

    package init(from: ClockTime, to: ClockTime, timeZone: String = "UTC", days: [Int]? = nil) {
        (self.from, self.to, self.timeZone, self.days) = (from, to, timeZone, days)
    }
}

/// A time on a clock on the wall, to the minute.
package struct ClockTime: Sendable, Equatable, CustomStringConvertible {
    /// Since midnight.
    package let minutes: Int

    /// Nil where the text is not `00:00` to `23:59`.
    package init?(_ text: String) {
        guard let match = text.wholeMatch(of: #/([01][0-9]|2[0-3]):([0-5][0-9])/#), let hour = Int(match.1),
            let minute = Int(match.2)
        else { return nil }
        minutes = hour * 60 + minute
    }

    /// `07:05`, as PostgreSQL reads a `time`.
    package var description: String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(two(minutes / 60)):\(two(minutes % 60))"
    }
}
