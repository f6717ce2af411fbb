import Events
import Extract

/// Which fields of some records are probably which columns of an event: by their names, and by what is in them.
struct GuessedFields {
    /// A field of the records, and what is in it.
    struct Field {
        let path: FieldPath
        /// The last step, in lower case.
        let name: String
        /// By record; nil where the record has none.
        fileprivate(set) var texts: [String?]
        private(set) var present: [String] = []
        private(set) var distinct = 0

        fileprivate init(_ steps: [String], count: Int) {
            path = FieldPath(steps: steps)
            name = steps.last!.lowercased()
            texts = Array(repeating: nil, count: count)
        }

        fileprivate mutating func finish() {
            present = texts.compactMap { $0 }
            distinct = Set(present).count
        }

        /// Keeps the records of these places.
        fileprivate mutating func keep(_ places: [Int]) {
            texts = places.map { texts[$0] }
            finish()
        }

        var isInAll: Bool { present.count == texts.count }
        /// Whether hardly a record, spoilt perhaps, lacks it; of several a single one may.
        var isInNearlyAll: Bool {
            let most = max(texts.count / 100, texts.count >= 4 ? 1 : 0)
            return texts.count - present.count <= most && !present.isEmpty
        }
        var isInMost: Bool { present.count * 2 >= texts.count && !present.isEmpty }
        var isUnique: Bool { distinct == present.count }
        /// As a definition writes it; a name with a brace or a dollar would be read as something else.
        var isWritable: Bool {
            !path.text.isEmpty && !path.text.contains { "{}".contains($0) } && !path.text.contains("${")
                && !path.steps.contains("")
        }
        var json: String { JSONValue(.string(path.text)).json }
        /// For a comment: how many values, and the first of them.
        var shown: String {
            var first: [String] = []
            for text in present where !first.contains(text) {
                first.append(text)
                if first.count == 4 { break }
            }
            let more = distinct > 4 ? ", …" : ""
            return "\(distinct) value\(distinct == 1 ? "" : "s"): "
                + first.map { $0.count > 30 ? $0.prefix(29) + "…" : $0 }.joined(separator: ", ") + more
        }
    }

    /// Records that were looked at; where most have a time, those that have.
    private(set) var count: Int
    private(set) var fields: [Field]
    private(set) var occurredAt: (json: String, time: GuessedTime, paths: [FieldPath], isInAll: Bool)?
    /// The type, as a definition writes it, and what is in it.
    private(set) var type: (json: String, shown: String, paths: [FieldPath])?
    private(set) var eventID: Field?
    private(set) var caseID: Field?
    private(set) var others: [(column: String, field: Field)] = []
    /// When a record was changed last, where that is told beside when it happened.
    private(set) var changedAt: Field?
    /// Of records that tell of several events each: the fields that hold their times, and the one that names the case.
    private(set) var timeline: (caseID: Field, times: [(field: Field, time: GuessedTime)], plans: [Field])?

    private var taken: Set<FieldPath> = []

    private static let mostFields = 300

    /// - Parameter columns: of tables; a second column of a name has another in the records, which no mapping can use.
    init(_ items: [JSONValue], columns: [String]? = nil) {
        count = items.count
        var places: [[String]: Int] = [:]
        var fields: [Field] = []
        for (index, item) in items.enumerated() {
            for (path, text) in item.scalars() {
                if let place = places[path] {
                    fields[place].texts[index] = text
                } else if fields.count < GuessedFields.mostFields {
                    places[path] = fields.count
                    var field = Field(path, count: items.count)
                    field.texts[index] = text
                    fields.append(field)
                }
            }
        }
        for index in fields.indices { fields[index].finish() }
        self.fields = fields.filter { field in
            field.isWritable && columns.map { $0.contains(field.path.steps[0]) } ?? true
        }
        findTime()
        findTimeline()
        dropUntimed()
        findTypeAndID()
        findOthers()
        findCase()
    }

    // MARK: - Names

    private static let times = [
        "occurred_at", "event_time", "time", "timestamp", "@timestamp", "time:timestamp", "ts", "eventtime",
        "event_timestamp", "created_at", "createdat", "created", "date", "datetime", "date_time", "at",
        "when",
        "start_time", "starttime", "complete timestamp", "complete_timestamp", "zeit", "datum", "zeitpunkt",
    ]
    private static let changes = [
        "updated_at", "updatedat", "modified_at", "last_modified", "updated", "modified",
    ]
    private static let types = [
        "event_type", "eventtype", "type", "event", "event_name", "eventname", "concept:name", "activity",
        "action", "kind", "operation", "task", "step", "status", "state", "name",
    ]
    private static let ids = [
        "event_id", "eventid", "id", "_id", "uuid", "guid", "message_id", "identity:id",
    ]
    private static let columns = [
        ("service", ["service", "service_name", "source", "app", "application", "component", "system"]),
        (
            "user_id",
            [
                "user_id", "userid", "user", "username", "customer_id", "employee", "actor", "resource",
                "org:resource",
            ]
        ),
        (
            "correlation_id",
            ["correlation_id", "request_id", "requestid", "trace_id", "traceid", "traceparent"]
        ),
        ("sequence", ["sequence", "seq"]),
    ]
    private static let cases = [
        "case_id", "caseid", "case:concept:name", "case", "entity_id", "order_id", "orderid", "invoice_id",
        "ticket_id",
    ]
    /// How a process log tells where in an activity an event stands.
    private static let lifecycles: Set<String> = [
        "start", "complete", "started", "completed", "begin", "end", "finish", "finished", "schedule",
        "scheduled", "suspend", "resume", "assign", "reassign", "withdraw", "abort", "ate_abort", "pi_abort",
        "autoskip", "manualskip",
    ]

    /// The field whose name stands first in the list; where it stands in two places, the outer one.
    private func find(_ names: [String], where isFit: (Field) -> Bool = { _ in true }) -> Field? {
        for name in names {
            let fit = fields.filter { $0.name == name && !taken.contains($0.path) && isFit($0) }
            if let field = fit.min(by: { $0.path.steps.count < $1.path.steps.count }) { return field }
        }
        return nil
    }

    // MARK: - Times

    private mutating func findTime() {
        // What all records have comes before what a better name says, and what most have before what any has.
        let passes: [(isFit: (Field) -> Bool, spoilt: Double)] = [
            (\.isInNearlyAll, 0.01), (\.isInMost, GuessedTime.mostSpoilt), ({ !$0.present.isEmpty }, 0.01),
        ]
        for (place, pass) in passes.enumerated() {
            for names in [GuessedFields.times, GuessedFields.changes, fields.map(\.name)] {
                let isNamed = names.count < fields.count || names != fields.map(\.name)
                var found: GuessedTime?
                let field = find(names) { field in
                    guard pass.isFit(field), let time = GuessedTime(field.present, spoilt: pass.spoilt),
                        isNamed || !time.isNumber
                    else { return false }
                    found = time
                    return true
                }
                if let field, let time = found {
                    if place == 0, time.isDateOnly(field.present), joinClock(field) { return }
                    occurredAt = (time.json(field.json), time, [field.path], field.isInAll)
                    taken.insert(field.path)
                    findChange()
                    return
                }
            }
        }
    }

    /// Leaves out the records that have no time, where they are the fewer: they are rejected, whatever else is in them.
    private mutating func dropUntimed() {
        guard timeline == nil, let occurredAt, occurredAt.paths.count == 1,
            let field = fields.first(where: { $0.path == occurredAt.paths[0] })
        else { return }
        let timed = field.texts.indices.filter { field.texts[$0].map(occurredAt.time.reads) ?? false }
        guard timed.count < count, timed.count * 2 >= count else { return }
        count = timed.count
        for place in fields.indices { fields[place].keep(timed) }
        fields.removeAll { $0.present.isEmpty }
    }

    private mutating func findChange() {
        changedAt = find(GuessedFields.changes) { GuessedTime($0.present) != nil }
        if let changedAt { taken.insert(changedAt.path) }
    }

    /// Takes a date and the time of day in another field together.
    private mutating func joinClock(_ date: Field) -> Bool {
        let clock = fields.first { field in
            field.path != date.path && field.isInAll
                && field.present.allSatisfy { $0.count <= 15 && $0.dropFirst().prefix(2).contains(":") }
        }
        guard let clock,
            let time = GuessedTime(zip(date.present, clock.present).map { "\($0) \($1)" })
        else { return false }
        let template = JSONValue(.string("{\(date.path.text)} {\(clock.path.text)}")).json
        occurredAt = (time.json(template), time, [date.path, clock.path], true)
        taken.formUnion([date.path, clock.path])
        return true
    }

    // MARK: - Several events a record

    /// Times that are plans, not events.
    private static let plans = [
        "estimated", "expected", "planned", "plan", "due", "promised", "deadline", "eta", "scheduled",
        "target", "valid", "birth", "dob", "expires", "expiry", "expiration",
    ]
    private static let eventTypes = [
        "event_type", "eventtype", "type", "event", "event_name", "activity", "action",
    ]

    /// A table with a row for each case, and a column for each of its times.
    private mutating func findTimeline() {
        guard count > 0, !fields.contains(where: { $0.isInNearlyAll && isEventType($0) }) else { return }
        var times: [(field: Field, time: GuessedTime)] = []
        var plans: [Field] = []
        for field in fields where !GuessedFields.changes.contains(field.name) {
            guard !field.present.isEmpty, let time = GuessedTime(field.present),
                !time.isNumber || isTimeName(field.name)
            else { continue }
            let words = field.name.split { !$0.isLetter }.map(String.init)
            if words.contains(where: { GuessedFields.plans.contains($0) }) {
                plans.append(field)
            } else {
                times.append((field, time))
            }
        }
        let status = fields.contains { GuessedFields.types.contains($0.name) && $0.isInAll }
        guard times.count > (status ? 2 : 1),
            let key = fields.first(where: { field in
                field.isInAll && field.isUnique && !times.contains { $0.field.path == field.path }
                    && !plans.contains { $0.path == field.path }
                    && (isIDName(field.name) || field.path == fields[0].path)
            })
        else { return }
        timeline = (key, times, plans)
    }

    private func isEventType(_ field: Field) -> Bool {
        GuessedFields.eventTypes.contains(field.name) && field.distinct * 2 <= max(field.present.count, 2)
    }

    private func isTimeName(_ name: String) -> Bool {
        name.hasSuffix("at") || ["time", "date", "ts"].contains { name.contains($0) }
    }

    private func isIDName(_ name: String) -> Bool {
        ["id", "key", "no", "nr", "number", "uuid", "guid"].contains {
            name == $0 || name.hasSuffix("_\($0)")
        }
            || name.hasSuffix("id") || name.hasSuffix(" id")
    }

    // MARK: - Type and id

    private mutating func findTypeAndID() {
        eventID = find(GuessedFields.ids) { field in
            // Logs repeat some events.
            field.isInNearlyAll && field.distinct * 10 >= field.present.count * 9
        }
        if let eventID { taken.insert(eventID.path) }
        let isFew = { (field: Field) in
            field.isInNearlyAll && (field.distinct <= 60 || field.distinct * 5 <= field.present.count)
        }
        var field = find(GuessedFields.types, where: isFew)
        let lifecycle = fields.first { field in
            field.isInNearlyAll && field.distinct > 1 && !taken.contains(field.path)
                && field.present.prefix(2_000).allSatisfy {
                    GuessedFields.lifecycles.contains($0.lowercased())
                }
        }
        if field == nil || field?.path == lifecycle?.path { field = repeatedText(besides: lifecycle) }
        guard let field = field ?? lifecycle else { return }
        taken.insert(field.path)
        guard let lifecycle, lifecycle.path != field.path else {
            type = (field.json, field.shown, [field.path])
            return
        }
        taken.insert(lifecycle.path)
        let template = JSONValue(.string("{\(field.path.text)}.{\(lifecycle.path.text)}")).json
        type = (template, field.shown, [field.path, lifecycle.path])
    }

    /// A field of a few texts that come again and again, and are words.
    private func repeatedText(besides lifecycle: Field?) -> Field? {
        guard lifecycle != nil else { return nil }
        return fields.first { field in
            field.isInNearlyAll && !taken.contains(field.path) && field.path != lifecycle?.path
                && field.distinct > 1 && field.distinct <= 200 && field.distinct * 5 <= field.present.count
                && field.present.prefix(200).allSatisfy { text in
                    text.contains(where: \.isLetter) && GuessedTime([text]) == nil
                }
        }
    }

    private mutating func findOthers() {
        for (column, names) in GuessedFields.columns {
            guard
                let field = find(
                    names,
                    where: { field in
                        column != "sequence" || field.isInAll && field.present.allSatisfy { Int64($0) != nil }
                    })
            else { continue }
            taken.insert(field.path)
            others.append((column, field))
        }
    }

    // MARK: - The case

    /// The field whose values share events of several types, each type about once.
    private mutating func findCase() {
        if let timeline {
            caseID = timeline.caseID
            return
        }
        let types = typeTexts
        var best: (field: Field, score: Double)?
        for field in fields where !taken.contains(field.path) && field.path != eventID?.path {
            guard field.present.count * 10 >= count * 9, field.distinct > 1, GuessedTime(field.present) == nil
            else { continue }
            let rank = GuessedFields.cases.contains(field.name) ? 4.0 : isIDName(field.name) ? 2 : 1
            guard rank > 1 || field.distinct > 10 && isKey(field) else { continue }
            let (typesOfCase, repeats) = structure(field, types)
            guard typesOfCase > 1.2, repeats < 3 else { continue }
            let score = typesOfCase / repeats * rank / Double(field.path.steps.count)
            if score > best?.score ?? 0 { best = (field, score) }
        }
        caseID = best?.field
        guard caseID == nil else { return }
        let likely = fields.filter {
            $0.name.hasSuffix("_id") || $0.name.hasSuffix("id") && $0.path.steps.count == 1
        }
        caseID =
            find(GuessedFields.cases.filter { $0 != "case" } + likely.map(\.name))
            ?? find(["case", "subject", "key"])
    }

    /// Whether texts are short and without blanks, as keys are, and no fractions.
    private func isKey(_ field: Field) -> Bool {
        field.present.prefix(200).allSatisfy { text in
            text.utf8.count <= 64 && !text.contains(" ") && (Double(text) == nil || Int64(text) != nil)
        }
    }

    /// The type of each record.
    private var typeTexts: [String] {
        let parts = (type?.paths ?? []).compactMap { path in fields.first { $0.path == path }?.texts }
        return (0..<count).map { index in parts.map { $0[index] ?? "" }.joined(separator: ".") }
    }

    /// Of the records that share a value: how many types they have, and how often each.
    private func structure(_ field: Field, _ types: [String]) -> (types: Double, repeats: Double) {
        var seen: [String: (records: Int, types: Set<String>)] = [:]
        for (text, type) in zip(field.texts, types) {
            guard let text else { continue }
            seen[text, default: (0, [])].records += 1
            seen[text]?.types.insert(type)
        }
        let distinct = seen.values.reduce(0) { $0 + $1.types.count }
        let records = seen.values.reduce(0) { $0 + $1.records }
        guard distinct > 0 else { return (0, 0) }
        return (Double(distinct) / Double(seen.count), Double(records) / Double(distinct))
    }

    // MARK: - Names for columns without any

    /// Names for the columns of a table without a header, of which the records are read as `column_1`, …
    func columnNames(_ count: Int) -> [String] {
        var names = (1...max(count, 1)).map { "column_\($0)" }
        func name(_ path: FieldPath?, _ name: String) {
            guard let path, let place = names.firstIndex(of: path.text) else { return }
            names[place] = name
        }
        if let paths = occurredAt?.paths {
            for (path, text) in zip(paths, ["time", "clock"]) { name(path, text) }
        }
        let others = fields.filter { !(occurredAt?.paths.contains($0.path) ?? false) }
        let id = others.first { $0.isInAll && $0.isUnique && $0.distinct > 2 && isKey($0) }
        let words = others.filter { field in
            field.path != id?.path && field.isInAll && field.distinct <= 60
                && field.distinct * 3 <= max(field.present.count, 3)
                && field.present.allSatisfy { Double($0) == nil && $0.contains(where: \.isLetter) }
        }
        name(id?.path, "id")
        // A case has several types, and there are more cases than types.
        var best: (type: Field?, key: Field?, types: Double) = (nil, nil, 1.2)
        for type in words {
            for key in others
            where key.path != id?.path && key.path != type.path && key.distinct > type.distinct {
                guard isKey(key) else { continue }
                let found = structure(key, type.texts.map { $0 ?? "" })
                if found.types > best.types, found.repeats < 3 { best = (type, key, found.types) }
            }
        }
        let dotted = words.first { $0.present.allSatisfy { $0.contains(".") } }
        name((dotted ?? best.type ?? words.min { $0.distinct < $1.distinct })?.path, "type")
        name(best.key?.path, "case_id")
        return names
    }
}

extension GuessedTime {
    /// Whether the texts tell days only.
    fileprivate func isDateOnly(_ texts: [String]) -> Bool {
        format.map { !$0.contains("%H") && !$0.contains("%I") }
            ?? texts.allSatisfy { $0.utf8.count == 10 && !isNumber }
    }
}
