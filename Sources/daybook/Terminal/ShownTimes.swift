import Postgres

/// Times as the clocks of one zone show them. The server writes them; here they are cut for people.
struct ShownTimes {
    /// `UTC`, or as in `Europe/Berlin`.
    let zone: String

    /// Of a connection that writes times of this zone already.
    init(zone: String) { self.zone = zone }

    /// Lets the server write times of the zone.
    ///
    /// - Throws: `UsageError` where there is no such zone.
    init(_ zone: String, on connection: Connection) throws {
        self.zone = zone
        do {
            try connection.query("SELECT set_config('timezone', $1, false)", [zone])
        } catch {
            guard error.kind == .refused else { throw error }
            throw UsageError("there is no time zone \"\(zone)\"; write one like Europe/Berlin, or UTC")
        }
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
