import Postgres
import SQLFiles

/// What happened to a case, or to all cases of one correlation id: the statements that tell it.
package struct CaseTrace {
    package struct Case: Sendable, Hashable {
        package let entity: String
        package let caseID: String
    }

    /// There is no such case.
    package struct Missing: Error, CustomStringConvertible {
        package let description: String
    }

    package let cases: [Case]
    package let correlation: String?
    /// What was looked into for the correlation id.
    package let searched: CaseSearch.Searched?
    /// Whether some of the events are past their retention.
    package let lostEvents: Bool
    private let connection: Connection
    private let sql = SQLFiles.builtin

    /// What was asked for to know that it is there.
    private let fetched: Result?

    /// Rejects that are looked into, and their bytes: a trace is to be there at once.
    private static let searchedRejects = 2_000
    private static let searchedBytes = 16_000_000
    /// More that mention a case than anybody reads.
    private static let maxRejects = 100

    /// - Throws: `Missing` where no entity, or not this one, has the case.
    package init(of caseID: String, entity: String?, _ connection: Connection) throws {
        self.connection = connection
        correlation = nil
        searched = nil
        let events = try connection.query(SQLFiles.builtin.text("desk/timeline.sql"), [caseID, nil])
        let all = try connection.query(
            """
            SELECT coalesce(c.entity, e.entity) AS entity, f.entity IS NOT NULL AS is_frozen
            FROM (
                SELECT entity FROM report.cases
                WHERE entity = ANY (ARRAY(SELECT entity FROM daybook.entities)) AND case_id = $1
            ) AS c
            FULL JOIN (SELECT DISTINCT entity FROM unnest($2::text[]) AS entity) AS e ON e.entity = c.entity
            LEFT JOIN daybook.frozen_cases AS f ON f.entity = c.entity AND f.case_id = $1
            ORDER BY 1
            """, [caseID, Set(try events.rows.map { try $0.get("entity", as: String.self) }).sorted()]
        ).rows
        guard !all.isEmpty else { throw try CaseTrace.missing(caseID, connection) }
        let wanted = try all.filter { try entity == nil || $0.get("entity", as: String.self) == entity }
        guard !wanted.isEmpty else {
            let others = try all.map { try $0.get("entity", as: String.self) }.joined(separator: ", ")
            throw Missing(
                description: "there is no \(entity ?? "") \"\(caseID)\"; of this id there is: \(others)")
        }
        cases = try wanted.map { Case(entity: try $0.get("entity"), caseID: caseID) }
        lostEvents = try wanted.contains { try $0.get("is_frozen") }
        fetched = cases.count == all.count ? events : nil
    }

    /// - Throws: `Missing` where no case was found; it says what was searched.
    package init(
        correlation: String, entity: String?, days: Int?, maxCases: Int, _ connection: Connection
    ) throws {
        self.connection = connection
        self.correlation = correlation
        lostEvents = false
        fetched = nil
        let search = try CaseSearch(
            [SearchCondition(field: .column("correlation_id"), value: correlation)]
                + (entity.map { [SearchCondition(field: .column("entity"), value: $0)] } ?? []), connection)
        let found = try search.run(CaseSearch.Days(count: days), limit: maxCases)
        searched = found.searched
        cases = try found.cases.rows.prefix(maxCases).map {
            Case(entity: try $0.get("entity"), caseID: try $0.get("case_id"))
        }
        guard !cases.isEmpty else {
            throw Missing(
                description: "no case has an event of the correlation id \"\(correlation)\"; "
                    + "\(found.searched.description)"
                    + (found.searched.way == .scan ? "; --days looks into more" : ""))
        }
    }

    /// Says what could have been meant.
    package static func missing(_ caseID: String, _ connection: Connection) throws -> Missing {
        let near = try connection.query(SQLFiles.builtin.text("desk/near_cases.sql"), [caseID]).rows
            .map { try $0.get(0, as: String.self) }
        return Missing(
            description: "there is no case \"\(caseID)\"\(Spelling.suggestion(caseID, in: near))"
                + "\n  by what else it is known: daybook find FIELD=VALUE, as in daybook find user_id=u-17")
    }

    // MARK: - What is told

    package func events() throws -> Result {
        if let fetched { return fetched }
        let (statement, parameters) = timeline
        return try connection.query(statement, parameters)
    }

    /// What its SLAs say.
    package func slas() throws -> Result {
        try connection.query(sql.text("desk/slas.sql"), ofCases)
    }

    /// The rejects that mention it, the latest first, and whether there are more.
    package func rejects() throws -> (rows: [Result.Row], isCut: Bool) {
        let rows = try connection.query(sql.text("desk/rejects.sql"), ofRejects).rows
        return (Array(rows.prefix(CaseTrace.maxRejects)), rows.count > CaseTrace.maxRejects)
    }

    /// How many rejects were looked into.
    package func rejectsSearched() throws -> Result.Row {
        try connection.query(sql.text("desk/rejects_searched.sql"), searchedRejects).first()
    }

    /// The first day of which events are kept.
    package func rawFrom() throws -> String {
        try connection.query("SELECT raw_from FROM daybook.retention").first().get(0)
    }

    /// All of it as one document.
    package func json() throws -> String {
        func list(_ statement: String, _ parameters: [(any PostgresParameter)?]) throws -> String {
            try connection.query(
                "SELECT coalesce(json_agg(s), '[]') FROM (\(statement)) AS s", parameters
            ).first().get(0)
        }
        let (statement, parameters) = timeline
        let subject: String = try connection.query(
            "SELECT json_build_object('case_id', $1::text, 'correlation_id', $2::text, 'lost_events', $3::boolean)",
            [correlation == nil ? cases[0].caseID : nil, correlation, lostEvents]
        ).first().get(0)
        let search: String = try connection.query(
            "SELECT row_to_json(s) FROM (\(sql.text("desk/rejects_searched.sql"))) AS s", searchedRejects
        ).first().get(0)
        let rejects = try connection.query(
            """
            WITH found AS (\(sql.text("desk/rejects.sql")))
            SELECT count(*) > \(CaseTrace.maxRejects) AS is_cut, (
                SELECT coalesce(json_agg(s), '[]')
                FROM (SELECT * FROM found ORDER BY reject_id DESC LIMIT \(CaseTrace.maxRejects)) AS s
            ) AS rows
            FROM found
            """, ofRejects
        ).first()
        let isCut: Bool = try rejects.get("is_cut")
        let cases: String = try connection.query(
            "SELECT json_agg(c) FROM unnest($1::text[], $2::text[]) AS c (entity, case_id)", ofCases
        ).first().get(0)
        return """
            {"subject": \(subject), "cases": \(cases),
            "searched": \(try searched?.json() ?? "null"),
            "events": \(try list(statement, parameters)),
            "slas": \(try list(sql.text("desk/slas.sql"), ofCases)),
            "rejects": {"search": \(search), "is_cut": \(isCut), "rows": \(try rejects.get("rows", as: String.self))}}
            """
    }

    private var timeline: (String, [(any PostgresParameter)?]) {
        correlation == nil
            ? (sql.text("desk/timeline.sql"), [cases[0].caseID, cases.count == 1 ? cases[0].entity : nil])
            : (sql.text("desk/merged_timeline.sql"), ofCases)
    }

    private var ofCases: [(any PostgresParameter)?] { [cases.map(\.entity), cases.map(\.caseID)] }
    private var searchedRejects: [(any PostgresParameter)?] {
        [CaseTrace.searchedRejects, CaseTrace.searchedBytes]
    }
    private var ofRejects: [(any PostgresParameter)?] {
        searchedRejects + [Array(Set(cases.map(\.caseID))).sorted(), CaseTrace.maxRejects + 1]
    }
}
