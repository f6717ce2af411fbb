import Foundation
import Postgres

/// Where a case is, for people: a row of `report.locate`.
struct LocatedText {
    private let row: Result.Row
    private let times: ShownTimes

    init(_ row: Result.Row, _ times: ShownTimes) {
        (self.row, self.times) = (row, times)
    }

    var text: String {
        get throws {
            let lines =
                try [("is at", place()), ("next", next()), ("others", others())].compactMap { name, value in
                    value.map { (name, $0) }
                } + slas() + deadLetters()
            let width = lines.map(\.0.displayWidth).max() ?? 0
            let events = Human.plural(try row.get("events"), "event")
            let head =
                "\(Cell.text(try row.get("entity"))) \(Cell.text(try row.get("case_id"))): \(events) "
                + "since \(times.named(try row.get("first_at")))"
            return ([head] + lines.map { "  \($0.0.padding(to: width))  \($0.1)" }).joined(separator: "\n")
        }
    }

    private func duration(_ column: String) throws -> String? {
        try row.getIfPresent(column, as: Double.self).map { Human.duration($0 < 10 ? $0 : $0.rounded()) }
    }

    private func place() throws -> String {
        let since = try times.named(row.get("last_at"))
        let waited = try duration("waiting_seconds") ?? "·"
        let isWaiting: Bool = try row.get("is_waiting")
        let dead = try row.get("last_is_dead_letter") ? ", a dead letter" : ""
        return
            "\(Cell.text(try row.get("last_type"))) (\(Cell.text(try row.get("last_service")))\(dead)) since "
            + "\(since)" + (isWaiting ? ": it waits for \(waited)" : ", \(waited) ago; it waits for nothing")
    }

    private func next() throws -> String? {
        guard let type = try row.getIfPresent("next_type", as: String.self) else {
            return try row.get("is_waiting") ? "nothing has ever followed this step" : nil
        }
        let share = try row.getIfPresent("next_share", as: Double.self) ?? 0
        var text = "\(Cell.text(type)) (\(Human.share(share)) of the times)"
        if let median = try duration("next_p50_seconds"), let most = try duration("next_p95_seconds") {
            text += ", usually after \(median), in 95% within \(most)"
        }
        let waited = try row.getIfPresent("waiting_seconds", as: Double.self) ?? 0
        if try row.get("is_waiting"), let most = try row.getIfPresent("next_p95_seconds", as: Double.self),
            waited > most
        {
            text += "; it is \(Human.duration((waited - most).rounded())) past that"
        }
        return text
    }

    private func others() throws -> String? {
        guard let count = try row.getIfPresent("others_waiting", as: Int.self) else { return nil }
        guard count > 0 else { return "no other case waits there" }
        let number = count == 1_000 ? "1,000 or more" : Human.count(count)
        let median =
            try duration("others_median_seconds").map { ", half of them for longer than \($0)" } ?? ""
        return "\(number) \(count == 1 ? "waits" : "wait") there, too\(median)"
    }

    // MARK: - Lists

    private var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }

    private struct SLA: Decodable {
        let sla: String
        let cycle: Int
        let state: String
        let breachAt: String?
        let elapsedSeconds: Double?
        let overdueSeconds: Double?
        let anomaly: String?
    }

    private func slas() throws -> [(String, String)] {
        let slas = try decoder.decode([SLA].self, from: Data(row.get("slas", as: String.self).utf8))
        return slas.map { sla in
            var text = sla.state
            if let elapsed = sla.elapsedSeconds { text += " in \(Human.duration(elapsed))" }
            let past = sla.overdueSeconds ?? 0
            switch sla.state {
            case "overdue": text += " by \(Human.duration(past.rounded()))"
            case "open": text += ", \(Human.duration(-past.rounded())) left"
            default: break
            }
            if ["overdue", "open"].contains(sla.state), let breach = sla.breachAt {
                text += ": the deadline is \(times.named(breach.replacingOccurrences(of: "T", with: " ")))"
            }
            if let anomaly = sla.anomaly { text += " (\(anomaly))" }
            return (Cell.text(sla.sla) + (sla.cycle > 1 ? " (cycle \(sla.cycle))" : ""), text)
        }
    }

    private struct DeadLetter: Decodable {
        let occurredAt: String
        let type: String
        let source: String?
        let queue: String?
        let error: String?
    }

    private func deadLetters() throws -> [(String, String)] {
        let letters = try decoder.decode(
            [DeadLetter].self, from: Data(row.get("dead_letters", as: String.self).utf8))
        return letters.map { letter in
            var text =
                "\(Cell.text(letter.type)) at \(times.named(letter.occurredAt.replacingOccurrences(of: "T", with: " ")))"
            if let queue = letter.queue { text += ", queue \(Cell.text(queue))" }
            if let error = letter.error { text += ": \(Cell.text(error))" }
            return ("dead letter", text)
        }
    }
}
