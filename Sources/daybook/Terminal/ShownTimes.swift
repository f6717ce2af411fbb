import Postgres

/// Times as the clocks of one zone show them. The server writes them; here they are cut for people.
struct ShownTimes {
    /// `UTC`, or as in `Europe/Berlin`.
    let zone: String

    /// Of a connection that writes times of this zone already.
    init(zone: String) { self.zone = zone }

    /// Lets the server write times of the zone: a name that it knows, or an offset as ISO 8601 has it.
    ///
    /// - Throws: `UsageError` where there is no such zone.
    init(_ text: String, on connection: Connection) throws {
        let setting: String
        if let minutes = try ShownTimes.offset(text) {
            zone = minutes == 0 ? "UTC" : ShownTimes.clock(minutes)
            // Such a setting counts to the west, as POSIX does.
            setting = minutes == 0 ? "UTC" : "<\(ShownTimes.clock(minutes))>\(ShownTimes.clock(-minutes))"
        } else {
            (zone, setting) = (text.uppercased() == "UTC" ? "UTC" : text, text)
            // The server takes more than names: "Anywhere+2" is two hours west of Greenwich, "2" two hours east.
            if text.contains(where: { !$0.isLetter && !"/_-".contains($0) }) {
                let names = try connection.query(
                    "SELECT FROM pg_timezone_names WHERE lower(name) = lower($1)", [text])
                guard names.count > 0 else { throw ShownTimes.unknown(text) }
            }
        }
        do {
            try connection.query("SELECT set_config('timezone', $1, false)", [setting])
        } catch {
            guard error.kind == .refused else { throw error }
            throw ShownTimes.unknown(text)
        }
    }

    private static func unknown(_ text: String) -> UsageError {
        UsageError(
            "there is no time zone \"\(text)\"; write one like Europe/Berlin, an offset like +02:00 (up to \(farthestHours):59), or UTC"
        )
    }

    /// Farther from UTC the server does not read what it wrote.
    private static let farthestHours = 15

    /// Minutes to the east, of an offset as ISO 8601 has it: `+02:00`, `-0330`, `+02`, `Z`; nil of what is none.
    private static func offset(_ text: String) throws(UsageError) -> Int? {
        if text.uppercased() == "Z" { return 0 }
        guard let match = text.wholeMatch(of: #/([+-])(\d\d)(?::?(\d\d))?/#), let hours = Int(match.2),
            let minutes = Int(match.3 ?? "0")
        else { return nil }
        guard minutes < 60, hours <= farthestHours else { throw unknown(text) }
        return (match.1 == "-" ? -1 : 1) * (hours * 60 + minutes)
    }

    private static func clock(_ minutes: Int) -> String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(minutes < 0 ? "-" : "+")\(two(abs(minutes) / 60)):\(two(abs(minutes) % 60))"
    }

    /// A time that the server wrote, as its JSON has it: `2026-01-05T08:23:21.251+00:00`.
    static func iso(_ text: String) -> String {
        guard
            let match = text.wholeMatch(
                of: #/(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)([+-]\d\d)((?::\d\d)*)/#)
        else { return text }
        return "\(match.1)T\(match.2)\(match.3)\(match.4.isEmpty ? ":00" : match.4)"
    }

    /// `2026-01-05 22:08:07.751`; with the offset where the zone is not UTC, for an hour may come twice.
    func precise(_ text: String) -> String {
        let (clock, fraction, offset) = parts(text)
        return clock + fraction.prefix(4) + offset
    }

    /// To the second.
    func short(_ text: String) -> String {
        let (clock, _, offset) = parts(text)
        return clock + offset
    }

    /// With the zone's name, as in a sentence.
    func named(_ text: String) -> String { short(text) + (zone == "UTC" ? " UTC" : "") }

    /// What the server wrote: `2026-01-05 22:08:07`, `.751`, and the offset unless it is that of UTC.
    private func parts(_ text: String) -> (clock: String, fraction: Substring, offset: Substring) {
        let clock = text.prefix(19)
        let rest = text.dropFirst(19)
        let fraction = rest.prefix { $0 == "." || $0.isNumber }
        return (String(clock), fraction, zone == "UTC" ? "" : rest.dropFirst(fraction.count))
    }
}
