import Events
import Extract
import Foundation
import Postgres
import SQLFiles
import Warehouse

/// Which events are sent on.
package struct ResendSelection: Sendable {
    package var caseID: String?
    package var type: TypePattern?
    package var from: Timestamp?
    /// Exclusive.
    package var to: Timestamp?
    package var source: String?
    package var deadLettersOnly = false

    package init() {}
}

/// Sends stored events on, in the order of their time: each is noted before it is sent, and after. So it is sent to a
/// target once, whoever is killed meanwhile, unless somebody wants it again.
package struct Resend {
    private let connection: Connection
    private let target: ResendTarget
    private let format: Format
    private let options: Options
    private let interruption: Interruption

    /// What of an event is sent; the raw values are those of `daybook.resent`.
    package enum Format: String, Sendable, CaseIterable { case cloudevents, original }

    package struct Options: Sendable {
        /// user@host.
        package var sentBy: String
        /// The shortest time from one event to the next; 0: no pause.
        package var secondsPerEvent = 0.1
        package var maxAttempts = 5
        /// Sends also what may have been sent.
        package var sendsUnknown = false
        /// Sends also what was sent before this time; nil: nothing.
        package var sendsAgainBefore: Timestamp?

        package init(sentBy: String) { self.sentBy = sentBy }
    }

    /// How an event stands with a target; the raw values are those of `daybook.resent`.
    package enum State: String, Sendable, Encodable {
        case pending, sent, failed
        /// It may have arrived, and is not sent again unasked.
        case unknown
    }

    /// What came of sending an event.
    package struct Outcome: Sendable {
        package let state: State
        package let attempts: Int
        package let answer: String
        /// Whether the target was out of reach, or did not answer.
        package var isSilent = false
    }

    /// One event that was chosen.
    package struct Chosen: Sendable, Encodable {
        package let caseID: String
        package let eventID: String
        package let type: String
        package let occurredAt: String
        package let pipeline: String
        package let source: String
        /// As it was before.
        let stateBefore: State
        /// Nil where it was not sent now.
        package internal(set) var outcome: Outcome?
        /// `pending`; `sent` or `unknown`, of one that is not sent again; or what came of it.
        package var state: State { outcome?.state ?? stateBefore }
        fileprivate let sourceID: Int32
        fileprivate let day: String
        fileprivate let nth: Int
        fileprivate let isThere: Bool

        private enum CodingKeys: String, CodingKey {
            case type, pipeline, source, state, answer
            case caseID = "case_id"
            case eventID = "event_id"
            case occurredAt = "occurred_at"
        }

        package func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(type, forKey: .type)
            try values.encode(pipeline, forKey: .pipeline)
            try values.encode(source, forKey: .source)
            try values.encode(state, forKey: .state)
            try values.encode(outcome?.answer, forKey: .answer)
            try values.encode(caseID, forKey: .caseID)
            try values.encode(eventID, forKey: .eventID)
            try values.encode(occurredAt, forKey: .occurredAt)
        }
    }

    package init(
        _ connection: Connection, _ target: ResendTarget, _ format: Format, _ options: Options,
        interruption: Interruption
    ) {
        (self.connection, self.target, self.format, self.options) = (connection, target, format, options)
        self.interruption = interruption
    }

    /// The events that were chosen, in the order in which they are sent.
    ///
    /// - Throws: `NoOriginal` where the record of one is wanted that is not kept.
    package func choose(_ selection: ResendSelection) throws -> [Chosen] {
        // One look at all, so that nothing comes between.
        try connection.transaction("ISOLATION LEVEL REPEATABLE READ") { try chosen(selection) }
    }

    private func chosen(_ selection: ResendSelection) throws -> [Chosen] {
        let rows = try connection.query(
            SQLFiles.builtin.text("resend/chosen.sql"),
            [
                selection.caseID, selection.type?.text, selection.type?.isNamespace ?? false,
                selection.from?.description, selection.to?.description, selection.source,
                selection.deadLettersOnly, target.name, format == .original, try days(of: selection),
            ], action: "choose the events"
        ).rows
        // What is chosen is a version of an event, and counts only where none is later, of whatever time and type.
        let superseded = Set(
            try LaterVersions(connection, .stored).superseded(
                rows.map { row in
                    LaterVersions.Version(
                        caseID: try row.get("case_id"), eventID: try row.get("event_id"),
                        sourceID: try row.get("source_id"), occurredAt: try row.get("occurred_at"),
                        loadID: try row.get("load_id"), position: try row.get("position"))
                }))
        var records: Set<[Int64]> = []
        return try rows.enumerated().filter { !superseded.contains($0.offset) }.compactMap { _, row in
            // A record of several events is one: it goes under the first of them.
            guard
                try format != .original
                    || records.insert([row.get("load_id"), row.get("position")]).inserted
            else { return nil }
            let chosen = Chosen(
                caseID: try row.get("case_id"), eventID: try row.get("event_id"), type: try row.get("type"),
                occurredAt: try row.get("occurred_at"), pipeline: try row.get("pipeline"),
                source: try row.get("source"), stateBefore: try state(row),
                sourceID: try row.get("source_id"),
                day: try row.get("event_day"), nth: try row.get("nth"), isThere: try row.get("is_there"))
            if chosen.state == .pending, !chosen.isThere {
                throw NoOriginal(chosen: chosen, keeps: try row.get("keeps_originals"))
            }
            return chosen
        }
    }

    /// How an event stood with the target, and whether it is to be sent.
    private func state(_ row: Result.Row) throws -> State {
        switch try row.getIfPresent("state", as: String.self) {
        case "sent":
            guard let before = options.sendsAgainBefore else { return .sent }
            let begun = Timestamp(microseconds: try row.get("begun_at_us"))
            return begun < before ? .pending : .sent
        case "sending", "unknown": return options.sendsUnknown ? .pending : .unknown
        default: return .pending
        }
    }

    /// The days of the loads of the sources that are meant; nil where others say where to look.
    private func days(of selection: ResendSelection) throws -> String? {
        guard selection.source != nil || selection.deadLettersOnly else { return nil }
        return try connection.query(
            SQLFiles.builtin.text("resend/days.sql"),
            [
                selection.source, selection.deadLettersOnly, selection.from?.description,
                selection.to?.description,
            ], action: "look which days the sources have"
        ).first().get(0)
    }

    /// Sends the pending ones, and stops at the first that is not taken.
    ///
    /// - Parameter tell: gets each as it is done, and what is waited for.
    /// - Returns: why it stopped before the end; nil where it did not.
    package func send(_ events: inout [Chosen], tell: (Chosen) -> Void, note: (String) -> Void) throws
        -> Stop?
    {
        var next = Date()
        for index in events.indices where events[index].state == .pending {
            if interruption.isRequested { return .interrupted }
            if !pause(until: next) { return .interrupted }
            next = max(Date(), next) + options.secondsPerEvent
            try send(&events[index], note)
            tell(events[index])
            guard events[index].state == .sent else {
                return interruption.isRequested ? .interrupted : .failed(events[index])
            }
        }
        return nil
    }

    /// Why not all were sent.
    package enum Stop {
        case interrupted
        case failed(Chosen)
    }

    private func send(_ event: inout Chosen, _ note: (String) -> Void) throws {
        let body: String? = try connection.query(
            SQLFiles.builtin.text("resend/body.sql"),
            [
                event.caseID, event.eventID, event.sourceID, event.occurredAt, event.day, format == .original,
            ]
        ).rows.first?.getIfPresent(0)
        guard let body else {
            event.outcome = Outcome(state: .failed, attempts: 0, answer: "it is not there any more")
            return
        }
        let begun: Int64? = try connection.query(
            SQLFiles.builtin.text("resend/begin.sql"),
            [
                target.name, format.rawValue, event.caseID, event.eventID, event.sourceID, event.occurredAt,
                event.type, event.nth + 1, options.sentBy,
            ]
        ).rows.first?.get(0)
        guard let begun else {
            event.outcome = Outcome(
                state: .failed, attempts: 0, answer: "somebody else is sending it at this moment")
            return
        }
        FailPoint.pass("resend-begun")
        let outcome = attempt(body, event, note)
        FailPoint.pass("resend-sent")
        try connection.query(
            SQLFiles.builtin.text("resend/end.sql"),
            [begun, outcome.state.rawValue, outcome.attempts, String(outcome.answer.prefix(1_000))])
        FailPoint.pass("resend-noted")
        event.outcome = outcome
    }

    private func attempt(_ body: String, _ event: Chosen, _ note: (String) -> Void) -> Outcome {
        let isJSON = body.first { !$0.isWhitespace }.map { "{[".contains($0) } ?? false
        let type =
            format == .cloudevents
            ? "application/cloudevents+json; charset=UTF-8"
            : isJSON ? "application/json" : "text/plain; charset=UTF-8"
        let key = "\(event.sourceID):\(event.caseID):\(event.eventID):\(event.occurredAt)"
        // Once it may have arrived, no later answer tells that it did not.
        var mayHaveArrived = false
        var attempt = 1
        while true {
            let (why, mayPass, isSilent): (String, Bool, Bool)
            var delay = RetryDelay.backoff(attempt, firstSeconds: Resend.firstDelay)
            switch target.send(body, type: type, key: key, interruption) {
            case .taken(let answer): return Outcome(state: .sent, attempts: attempt, answer: answer)
            case .refused(let answer, let passes, let after):
                (why, mayPass, isSilent) = (answer, passes && (after ?? 0) <= Resend.mostPatience, false)
                if let after { delay = after }
            case .silence(let answer, let arrived, let passes):
                mayHaveArrived = mayHaveArrived || arrived
                (why, mayPass, isSilent) = (answer, passes, true)
            }
            func end(_ answer: String) -> Outcome {
                Outcome(
                    state: mayHaveArrived ? .unknown : .failed, attempts: attempt, answer: answer,
                    isSilent: isSilent)
            }
            guard mayPass, attempt < options.maxAttempts, !interruption.isRequested else { return end(why) }
            note(
                "\(event.eventID.oneLine) of \(event.caseID.oneLine): \(why); tried again in \(delay.formatted(.number.precision(.fractionLength(1)))) s"
            )
            guard pause(until: Date() + delay) else { return end("interrupted; before: \(why)") }
            attempt += 1
        }
    }

    private static let firstDelay = 0.5
    /// Who asks for a longer wait is asked again by a person.
    private static let mostPatience = 300.0

    /// Waits; false where somebody wants to stop meanwhile.
    private func pause(until time: Date) -> Bool {
        while case let left = time.timeIntervalSinceNow, left > 0 {
            if interruption.isRequested { return false }
            Thread.sleep(forTimeInterval: min(left, 0.1))
        }
        return !interruption.isRequested
    }
}

/// The record of an event is wanted, and is not kept.
package struct NoOriginal: Error, CustomStringConvertible {
    let chosen: Resend.Chosen
    let keeps: Bool

    package var description: String {
        let name = "\(chosen.pipeline)/\(chosen.source)"
        return "event \(chosen.eventID) of case \(chosen.caseID) is not kept as it came: "
            + (keeps
                ? "\(name) keeps originals since after it was loaded"
                : "\(name) has no \"keep_original\": true, which is for events that come from then on")
            + "; --format cloudevents sends any"
    }
}

extension FailPoint {
    /// The points that an event passes that is sent on.
    package static let ofResend = ["resend-begun", "resend-sent", "resend-noted"]
}
