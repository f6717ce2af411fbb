import Postgres
import SQLFiles

/// Versions of events, and which of them do not count, for a later version of the same event is there.
///
/// It looks where versions of these cases may be, and opens no other day.
struct LaterVersions {
    /// One version of an event.
    struct Version {
        let caseID: String
        let eventID: String
        /// The scope of the event's id.
        let sourceID: Int32
        let occurredAt: String
        /// When it came: the load and the position in its object.
        let loadID: Int64
        let position: Int64
    }

    /// What is later.
    enum Order {
        /// As the reports have it: by load and position of what is stored.
        case stored
        /// As the records came: what a replay brought came when its reject did. Where the last coming of a version is kept
        /// (`on_change`), one of the same time is later, too.
        case came(keepsLast: Bool)
    }

    /// So many are looked for at a time.
    private static let portion = 2_000

    private let connection: Connection
    private let order: Order

    init(_ connection: Connection, _ order: Order) { (self.connection, self.order) = (connection, order) }

    /// The places of those that are superseded, in order.
    ///
    /// What the server refuses to look for, such as a name that its encoding does not have, it does not hold.
    func superseded(_ versions: [Version]) throws -> [Int] {
        var parts = stride(from: 0, to: versions.count, by: LaterVersions.portion).map {
            versions[$0..<min($0 + LaterVersions.portion, versions.count)]
        }
        var found: [Int] = []
        while let part = parts.popLast() {
            do {
                // Of its own, so that a refusal leaves a transaction around it as it is.
                found += try connection.transaction { try places(of: part) }
            } catch let error as PostgresError where error.isRowRefusal {
                guard part.count > 1 else { continue }
                let middle = part.startIndex + part.count / 2
                parts += [part[..<middle], part[middle...]]
            }
        }
        return found.sorted()
    }

    private func places(of versions: ArraySlice<Version>) throws -> [Int] {
        let cases = versions.map(\.caseID)
        let sources = versions.map(\.sourceID)
        let place = try connection.query(
            SQLFiles.builtin.text("rejects/version_days.sql"), [Set(cases).sorted(), Set(sources).sorted()],
            action: "look which days the cases have"
        ).first()
        let (days, loads, loadDays): (String, String, String) = (
            try place.get("days"), try place.get("loads"), try place.get("load_days")
        )
        guard days != "{}" || loadDays != "{}" else { return [] }
        var (keepsLast, asTheyCame) = (false, false)
        if case .came(let keeps) = order { (keepsLast, asTheyCame) = (keeps, true) }
        return try connection.query(
            SQLFiles.builtin.text("rejects/superseded.sql"),
            [
                Array(versions.indices), cases, versions.map(\.eventID), sources, versions.map(\.occurredAt),
                versions.map(\.loadID), versions.map(\.position), keepsLast, asTheyCame, days, loads,
                loadDays,
            ], action: "look for later versions"
        ).rows.map { try $0.get(0) }
    }
}
