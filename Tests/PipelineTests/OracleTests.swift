import Foundation
import Postgres
import TestSupport
import Testing

/// A pipeline on one file of the test data, and the answer for its SLA.
struct OracleCase: CustomTestStringConvertible, Sendable {
    let name: String
    let definition: String
    let oracle: String
    let hours: Int
    var testDescription: String { name }
}

/// Hourly tables held against answers that other tools computed from the same data.
@Suite(.serialized)
struct OracleTests {
    static let olistNDJSON = OracleCase(
        name: "olist_events",
        definition: """
            { "pipeline": "olist_events", "entity": "order", "clock": "data",
              "sources": [ { "name": "events",
                "file": { "path": "DATA/olist_1000/events.ndjson", "format": "ndjson" },
                "event": { "event_id": "event_id", "occurred_at": "occurred_at", "type": "event_type",
                           "case_id": "entity_id", "details": "data" } } ],
              "slas": [ { "name": "olist_events", "start": "order.created", "end": "order.delivered",
                          "within": "10d", "occurrence": "OCCURRENCE" } ] }
            """, oracle: "olist_1000/oracle", hours: 941)

    static let olistCSV = OracleCase(
        name: "olist_orders",
        definition: """
            { "pipeline": "olist_orders", "entity": "orders_row", "clock": "data",
              "sources": [ { "name": "orders",
                "file": { "path": "DATA/olist_1000/orders.csv", "format": "csv" },
                "events": [
                  { "type": {"value": "order.created"}, "occurred_at": "order_purchase_timestamp", "case_id": "order_id" },
                  { "type": {"value": "order.approved"}, "occurred_at": "order_approved_at", "case_id": "order_id" },
                  { "type": {"value": "order.shipped"}, "occurred_at": "order_delivered_carrier_date", "case_id": "order_id" },
                  { "type": {"value": "order.delivered"}, "occurred_at": "order_delivered_customer_date", "case_id": "order_id" }
                ] } ],
              "slas": [ { "name": "olist_orders", "start": "order.created", "end": "order.delivered",
                          "within": "10d", "occurrence": "OCCURRENCE" } ] }
            """, oracle: "olist_1000/oracle", hours: 941)

    static func visits(_ format: String) -> OracleCase {
        OracleCase(
            name: "visits_\(format)",
            definition: """
                { "pipeline": "visits_\(format)", "entity": "visit", "clock": "data",
                  "sources": [ { "name": "patients",
                    "file": { "path": "DATA/patients/patients.\(format)", "format": "\(format)" },
                    "event": { "occurred_at": "time", "type": "{handling}:{registration_type}", "case_id": "patient" } } ],
                  "slas": [ { "name": "visits_\(format)", "start": "Registration:start", "end": "Check-out:complete",
                              "within": "7d", "occurrence": "OCCURRENCE" } ] }
                """, oracle: "patients/oracle_visit", hours: 250)
    }

    static func handlings(_ format: String) -> OracleCase {
        OracleCase(
            name: "handlings_\(format)",
            definition: """
                { "pipeline": "handlings_\(format)", "entity": "handling", "clock": "data",
                  "sources": [ { "name": "patients",
                    "file": { "path": "DATA/patients/patients.\(format)", "format": "\(format)" },
                    "event": { "occurred_at": "time", "type": "registration_type", "case_id": "handling_id" } } ],
                  "slas": [ { "name": "handlings_\(format)", "start": "start", "end": "complete",
                              "within": "4h", "occurrence": "OCCURRENCE" } ] }
                """, oracle: "patients/oracle_handling", hours: 1_633)
    }

    static let cases = [
        olistNDJSON, olistCSV, visits("csv"), visits("ndjson"), handlings("csv"), handlings("ndjson"),
    ]

    @Test(
        "Each pipeline alone gives the oracle's hours", .enabled(if: TestData.isThere),
        arguments: OracleTests.cases, ["first", "last"])
    func alone(_ testCase: OracleCase, occurrence: String) throws {
        try check([testCase], occurrence)
    }

    @Test("Both pipelines of one file share numbers and yet no event", .enabled(if: TestData.isThere))
    func together() throws {
        try check([Self.visits("csv"), Self.handlings("csv")], "first")
        try check([Self.visits("ndjson"), Self.handlings("ndjson")], "first")
    }

    private func check(_ cases: [OracleCase], _ occurrence: String) throws {
        let project = try TemporaryProject()
        let database = try TestDatabase()
        for testCase in cases {
            try project.write(
                "pipelines/\(testCase.name).jsonc",
                testCase.definition.replacingOccurrences(of: "DATA", with: TestData.directory!)
                    .replacingOccurrences(of: "OCCURRENCE", with: occurrence))
        }
        for report in try project.run(on: database) {
            #expect(report.error == nil)
            #expect(report.counts.duplicate == 0 && report.counts.rejected == 0)
        }
        for testCase in cases {
            let oracle = try TestData.csv(
                TestData.path("\(testCase.oracle)/hourly_first_\(occurrence).csv"))
            #expect(oracle.count == testCase.hours)
            try HourlyOracle.expect(oracle, sla: testCase.name, in: database)
        }
        #expect(try project.run(on: database).allSatisfy { $0.counts.read == 0 })
    }

    @Test("A fixture of our own, worked out by hand")
    func fixture() throws {
        let project = try TemporaryProject()
        let database = try TestDatabase()
        for (name, format) in [("parcels_ndjson", "ndjson"), ("parcels_csv", "csv")] {
            try project.write(
                "pipelines/\(name).jsonc",
                """
                { "pipeline": "\(name)", "entity": "\(name)", "clock": "data",
                  "sources": [ { "name": "parcels",
                    "file": { "path": "\(TestData.fixture("parcels.\(format)"))" },
                    "event": { "event_id": "id", "occurred_at": "at", "type": "what", "case_id": "parcel" } } ],
                  "slas": [ { "name": "\(name)", "start": "sent", "end": "received", "cancel": "recalled",
                              "within": "2h" } ] }
                """)
        }
        #expect(try project.run(on: database).allSatisfy { $0.error == nil })
        let oracle = try TestData.csv(TestData.fixture("parcels_hourly.csv"))
        for name in ["parcels_ndjson", "parcels_csv"] {
            try HourlyOracle.expect(oracle, sla: name, in: database)
        }
    }
}

/// An hourly answer beside our own table.
enum HourlyOracle {
    /// Every hour, no more and no less; counts exactly, seconds to a thousandth.
    static func expect(_ oracle: [[String: String]], sla: String, in database: TestDatabase) throws {
        let rows = try database.connect().query(
            """
            SELECT to_char(hour_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS hour_utc,
                started, completed, open, met, late, overdue, cancelled, anomalous, p50_seconds, p95_seconds,
                avg_seconds, max_seconds
            FROM report.sla_hourly WHERE sla = $1 ORDER BY hour_start
            """, [sla]
        ).rows
        #expect(rows.count == oracle.count)
        // The oracle's words for ours; a column that it does not have is not compared.
        let counts = [
            "started": "started", "completed": "completed", "open": "open", "met": "met", "late": "breached",
            "overdue": "open_overdue_at_asof", "cancelled": "cancelled", "anomalous": "anomalous",
        ]
        let seconds = [
            "p50_seconds": "p50_s", "p95_seconds": "p95_s", "avg_seconds": "mean_s", "max_seconds": "max_s",
        ]
        for (row, answer) in zip(rows, oracle) {
            let hour = try row.get("hour_utc", as: String.self)
            #expect(hour == answer["hour_utc"])
            for (ours, theirs) in counts {
                guard let expected = answer[theirs] else { continue }
                let count = try row.get(ours, as: String.self)
                #expect(count == expected, "\(sla) \(hour) \(ours)")
            }
            for (ours, theirs) in seconds {
                guard let expected = answer[theirs] else { continue }
                let value = try row.getIfPresent(ours, as: Double.self)
                if let number = Double(expected) {
                    #expect(abs((value ?? .nan) - number) <= 1e-3, "\(sla) \(hour) \(ours)")
                } else {
                    #expect(value == nil, "\(sla) \(hour) \(ours)")
                }
            }
        }
    }
}
