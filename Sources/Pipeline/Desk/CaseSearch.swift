import Events
import Foundation
import Postgres
import SQLFiles
import Transform

/// Finds the cases that meet conditions: by declared keys or by their ids at once, by anything else by reading days.
///
/// A key names cases; of what is no key, one event of the case must have all.
package struct CaseSearch {
    /// Which UTC days count: their first and last, and, where they are read one by one, how many of the latest.
    package struct Days: Sendable {
        /// As ISO 8601 has them.
        package var from: String?
        package var to: String?
        package var count: Int?

        package init(from: String? = nil, to: String? = nil, count: Int? = nil) {
            (self.from, self.to, self.count) = (from, to, count)
        }

        /// Where nobody says which.
        package static let usual = 7
    }

    /// What was looked into.
    package struct Searched: Sendable, Encodable, CustomStringConvertible {
        package enum Way: String, Sendable, Encodable {
            case key
            case caseID = "case_id"
            case scan
        }

        package let way: Way
        /// The keys that were used.
        package var keys: [String] = []
        /// Days that were read, as ISO 8601 has them.
        package var days = 0
        @OrNull package var from: String? = nil
        @OrNull package var to: String? = nil
        /// Whether more cases may be there than were asked for.
        package var isCut = false
        /// Loads that no transform has seen: keys do not know them.
        package var unseenLoads = 0

        private enum CodingKeys: String, CodingKey {
            case way, keys, days, from, to
            case isCut = "is_cut"
            case unseenLoads = "unseen_loads"
        }

        /// `searched 7 days, 2026-01-05 to 2026-01-11, by reading them`.
        package var description: String {
            switch way {
            case .caseID:
                return "searched \(span.map { "the events of the case \($0)" } ?? "all events of the case")"
            case .key:
                let names =
                    keys.count == 1 ? "the key \(keys[0])" : "the keys \(keys.joined(separator: ", "))"
                let unseen =
                    unseenLoads == 0
                    ? ""
                    : "; what \(unseenLoads == 1 ? "1 load" : "\(unseenLoads) loads") brought is not in it yet: daybook transform"
                return
                    "searched \(span.map { "the cases with events \($0)" } ?? "all cases"), by \(names)\(unseen)"
            case .scan:
                guard let from, let to else { return "searched no days: none of them has events" }
                return days == 1
                    ? "searched 1 day, \(from), by reading it"
                    : "searched \(days) days, \(from) to \(to), by reading them"
            }
        }

        /// In words; nil where nobody asked for days.
        private var span: String? {
            switch (from, to) {
            case (let from?, let to?): "from \(from) to \(to)"
            case (let from?, nil): "since \(from)"
            case (nil, let to?): "up to \(to)"
            case (nil, nil): nil
            }
        }

        package func json() throws -> String {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }

    package struct Outcome {
        /// The columns of `sql/desk/found_cases.sql`.
        package let cases: Result
        package let searched: Searched
    }

    private let connection: Connection
    package let conditions: [SearchCondition]
    private let keys: [CaseKey]
    private let sql = SQLFiles.builtin
    /// Beside a condition on events, as many cases of a key are looked at.
    private static let maxCandidates = 10_000
    /// The advisory lock by which those who read days know of each other; any fixed number would do.
    private static let lock: Int64 = 0x6461_7962_7363_616e

    /// - Parameter connection: one of the search's own: it is set to read in parallel.
    package init(_ words: [String], _ connection: Connection) throws {
        let names = Set(try CaseKeys.defined(connection).map(\.name))
        try self.init(try words.map { try SearchCondition(parsing: $0, keys: names) }, connection)
    }

    package init(_ conditions: [SearchCondition], _ connection: Connection) throws {
        keys = try CaseKeys.defined(connection)
        self.connection = connection
        self.conditions = conditions
        // To begin in parallel costs less than a server with many clients thinks.
        try connection.execute("SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0.001")
    }

    /// - Parameters:
    ///   - limit: so many cases, the latest.
    ///   - progress: is told how many days of how many were read.
    package func run(_ days: Days, limit: Int, progress: (Int, Int) -> Void = { _, _ in }) throws -> Outcome {
        let onEvents = conditions.compactMap(\.sql)
        if let caseID = conditions.first(where: { $0.field == .column("case_id") })?.value {
            let days = try bounds(of: days)
            return try verify(
                [caseID], onEvents, days, limit, Searched(way: .caseID, from: days.from, to: days.to))
        }
        let byKey = try keyConditions()
        guard byKey.isEmpty else {
            let days = try bounds(of: days)
            var searched = Searched(
                way: .key, keys: Set(byKey.flatMap(\.names)).sorted(), from: days.from, to: days.to)
            searched.unseenLoads = try connection.query("SELECT count(*) FROM daybook.unseen_loads").first()
                .get(0)
            let isNarrowed = !onEvents.isEmpty
            let found = try connection.query(
                sql.text("desk/found_keys.sql"),
                [
                    byKey.map(\.namesAsJSON), byKey.map(\.value),
                    isNarrowed ? CaseSearch.maxCandidates : limit + 1, days.from, days.to,
                ])
            guard isNarrowed else {
                searched.isCut = found.count > limit
                return Outcome(cases: found, searched: searched)
            }
            searched.isCut = found.count == CaseSearch.maxCandidates
            return try verify(found.rows.map { try $0.get("case_id") }, onEvents, days, limit, searched)
        }
        return try scan(onEvents, days, limit, progress)
    }

    /// Where days are not read one by one: the first and the last of so many.
    private func bounds(of days: Days) throws -> Days {
        guard let count = days.count else { return days }
        let latest = try connection.query(
            sql.text("desk/days.sql"), [days.from, days.to, count]
        ).rows.map { try $0.get(0, as: String.self) }
        return Days(from: latest.last ?? days.from, to: days.to)
    }

    /// The names of declared keys, which conditions may ask for.
    package var keyNames: [String] { Set(keys.map(\.name)).sorted() }

    // MARK: - By keys

    private struct KeyCondition {
        let names: [String]
        let value: String

        var namesAsJSON: String {
            let data = try? JSONSerialization.data(withJSONObject: names)
            return String(decoding: data ?? Data("[]".utf8), as: UTF8.self)
        }
    }

    /// The conditions that keys answer: those by a key's name, and those on a field that is a key of every pipeline.
    private func keyConditions() throws -> [KeyCondition] {
        let pipelines = try connection.query(
            "SELECT DISTINCT pipeline FROM daybook.sources WHERE retired_at IS NULL"
        ).rows.map { try $0.get(0, as: String.self) }
        return conditions.compactMap { condition in
            if case .key(let name) = condition.field {
                return KeyCondition(names: [name], value: condition.value)
            }
            let sameField = keys.filter { $0.paths.map(\.steps) == [condition.path] }
            guard !pipelines.isEmpty, Set(sameField.map(\.pipeline)).isSuperset(of: pipelines) else {
                return nil
            }
            return KeyCondition(names: Set(sameField.map(\.name)).sorted(), value: condition.value)
        }
    }

    /// Of these cases, those that have an event which meets all.
    private func verify(
        _ caseIDs: [String], _ onEvents: [String], _ days: Days, _ limit: Int, _ searched: Searched
    ) throws -> Outcome {
        let cases = try connection.query(
            sql.text("desk/found_cases.sql").replacingOccurrences(
                of: "true /* conditions */", with: onEvents.joined(separator: "\n        AND ")),
            [caseIDs, days.from, days.to, limit + 1])
        var searched = searched
        searched.isCut = searched.isCut || cases.count > limit
        return Outcome(cases: cases, searched: searched)
    }

    // MARK: - By reading

    private func scan(
        _ onEvents: [String], _ days: Days, _ limit: Int, _ progress: (Int, Int) -> Void
    ) throws -> Outcome {
        // Before anyone looks for others: of those who begin at once, all but one know that they are not alone.
        try connection.query("SELECT pg_advisory_lock_shared($1::bigint)", [CaseSearch.lock])
        defer { _ = try? connection.query("SELECT pg_advisory_unlock_shared($1::bigint)", [CaseSearch.lock]) }
        let count = days.count ?? (days.from == nil && days.to == nil ? Days.usual : nil)
        let all = try connection.query(
            sql.text("desk/days.sql"), [days.from, days.to, count]
        ).rows.map { try $0.get(0, as: String.self) }
        var searched = Searched(way: .scan)
        var caseIDs: [String] = []
        var isFull = false
        for (index, day) in all.enumerated() {
            progress(index, all.count)
            try connection.query(sql.text("desk/share.sql"), [CaseSearch.lock])
            let segments = try connection.query(
                statement("scan_segments", day, conditions.map(\.segmentSQL))
            ).rows.map { try $0.get(0, as: Int64.self) }
            let known = Set(caseIDs)
            caseIDs += try connection.query(
                statement("scan_day", day, onEvents), [limit + 1, segments]
            ).rows.map { try $0.get("case_id") }.filter { !known.contains($0) }
            searched.days += 1
            searched.from = day
            searched.to = searched.to ?? day
            isFull = caseIDs.count > limit
            if isFull { break }
        }
        // Of each case the events of these days: as the latest version of each has it.
        searched.isCut = isFull
        let read = Days(from: searched.from, to: searched.to)
        return try verify(caseIDs, onEvents, read, limit, searched)
    }

    /// A statement about the events of one day that meet conditions.
    private func statement(_ name: String, _ day: String, _ conditions: [String]) -> String {
        sql.text("desk/\(name).sql")
            .replacingOccurrences(of: "current_date -- the day", with: "\(quoteLiteral(day))::date")
            .replacingOccurrences(
                of: "true /* conditions */", with: "(\(conditions.joined(separator: "\n    AND ")))")
    }
}
