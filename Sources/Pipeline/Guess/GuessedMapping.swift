import Events

/// Which fields are which columns, as a definition says it: an `event`, a list of `events`, or nothing where the format
/// says it all.
struct GuessedMapping {
    /// A member of an object, with what was seen.
    struct Member {
        let key: String
        let json: String
        var comment = ""
    }

    private(set) var entity: (name: String, comment: String)?
    /// Of one event; empty where the format says all.
    private(set) var event: [Member] = []
    /// Of several events a record.
    private(set) var events: [(members: [Member], comment: String)] = []
    private(set) var notes: [String] = []
    /// Whether the time or the type is taken from elsewhere than the format says.
    var changesTimeOrType: Bool { event.contains { $0.key == "occurred_at" || $0.key == "type" } }
    private let name: String

    private init(name: String) { self.name = name }

    // MARK: - Formats that say nothing of fields

    /// - Parameter derived: what makes the id of a record that has none.
    init(_ fields: GuessedFields, name: String, derived: EventMapping.DerivedID = .position) {
        self.init(name: name)
        let derived = derived.rawValue
        if let timeline = fields.timeline {
            tell(timeline, of: fields)
            return
        }
        tellTime(fields)
        if let type = fields.type {
            add("type", type.json, type.shown)
        } else {
            add("type", "{\"value\": \(GuessedMapping.json("\(name).seen"))}")
            notes.append("no field says what happened; a constant stands there: \"type\"")
        }
        if let id = fields.eventID {
            let json = id.isInAll ? id.json : "[\(id.json), {\"derive\": \"\(derived)\"}]"
            add("event_id", json, id.isUnique ? "each another" : GuessedMapping.shown(id))
        } else {
            notes.append(
                "no field makes an event the same when it comes again; see \"event_id\" in the README")
        }
        tellCase(fields)
        for other in fields.others {
            let isMany = other.field.distinct > 50
            add(
                other.column, other.field.json, isMany ? GuessedMapping.shown(other.field) : other.field.shown
            )
        }
    }

    private mutating func add(_ key: String, _ json: String, _ comment: String = "") {
        event.append(Member(key: key, json: json, comment: comment))
    }

    private mutating func tellTime(_ fields: GuessedFields) {
        guard let occurredAt = fields.occurredAt else {
            add("occurred_at", "\"time\"", "no field holds a time that is read; name the one that does")
            notes.append("no field holds a time; say which one does: \"occurred_at\"")
            return
        }
        let time = occurredAt.time
        add("occurred_at", occurredAt.json, GuessedMapping.shown(time))
        if !occurredAt.isInAll {
            notes.append("not every record has a time; those without are rejected: \"occurred_at\"")
        }
        tellDoubts(time, occurredAt.paths.map(\.text).joined(separator: ", "))
    }

    private mutating func tellDoubts(_ time: GuessedTime, _ field: String) {
        if time.isAmbiguous, let format = time.format {
            notes.append(
                "\(field): no day above 12 tells day and month apart; is \(format) right, or the other way round?"
            )
        }
        if let zone = time.zone, !zone.isUTC {
            let names = zone.names.joined(separator: ", ")
            notes.append(
                zone.identifier.map { "\(field) names the zone \(names), which is taken for \($0): \"zone\"" }
                    ?? "\(field) names several zones (\(names)), and is taken for UTC")
        } else if !time.hasZone {
            notes.append(
                "\(field) tells no zone, so it is taken for UTC; else write { \"field\": …, \"zone\": \"Europe/Berlin\" }"
            )
        }
    }

    private mutating func tellCase(_ fields: GuessedFields) {
        guard let field = fields.caseID else {
            notes.append("no field names what the events are about; each is a case of its own: \"case_id\"")
            return
        }
        add("case_id", field.json, GuessedMapping.shown(field))
        nameEntity(after: field)
        if entity == nil, let space = GuessedMapping.namespace(of: fields), space != name {
            entity = (space, "what a case is: the types begin with it")
        }
    }

    /// What stands before the first dot of all types.
    private static func namespace(of fields: GuessedFields) -> String? {
        guard let path = fields.type?.paths.first,
            let field = fields.fields.first(where: { $0.path == path }),
            field.distinct > 1
        else { return nil }
        let spaces = Set(field.present.map { $0.prefix { $0 != "." } })
        guard spaces.count == 1, let space = spaces.first, !space.isEmpty,
            space.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" })
        else { return nil }
        return field.present.allSatisfy { $0.contains(".") } ? String(space) : nil
    }

    /// Of a field whose values are only names: how many, and how many records share one.
    private static func shown(_ field: GuessedFields.Field) -> String {
        let each = Double(field.present.count) / Double(max(1, field.distinct))
        let rounded = (each * 10).rounded() / 10
        return field.isUnique
            ? "each another" : "\(field.distinct) values, of \(rounded == 1 ? 1.1 : rounded) records each"
    }

    /// Calls the case what its id is the id of.
    private mutating func nameEntity(after field: GuessedFields.Field) {
        var word = field.path.steps.last ?? ""
        let suffixes = ["_id", " id", ".id", "_key", "_no", "_number", "_nr"]
        if let suffix = suffixes.first(where: { word.lowercased().hasSuffix($0) }) {
            word.removeLast(suffix.count)
        } else if word.hasSuffix("Id") || word.hasSuffix("ID") {
            word.removeLast(2)
        }
        if word.lowercased() == "id", field.path.steps.count > 1 {
            word = field.path.steps.dropLast().last ?? ""
        }
        word = word.lowercased()
        guard !["", "id", "case", "entity", "key", "subject", "case:concept:name"].contains(word),
            word.count < 40,
            word.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }), word != name
        else { return }
        entity = (word, "what a case is: \(field.path.text)")
    }

    // MARK: - Several events a record

    private mutating func tell(
        _ timeline: (
            caseID: GuessedFields.Field, times: [(field: GuessedFields.Field, time: GuessedTime)],
            plans: [GuessedFields.Field]
        ), of fields: GuessedFields
    ) {
        nameEntity(after: timeline.caseID)
        let word = entity?.name ?? name
        let types = GuessedMapping.types(timeline.times.map(\.field.path.steps), of: word)
        for (type, (field, time)) in zip(types, timeline.times) {
            let id = "{\(timeline.caseID.path.text)}:\(type)"
            var members = [
                Member(key: "type", json: "{\"value\": \(GuessedMapping.json(type))}"),
                Member(key: "occurred_at", json: time.json(field.json)),
                Member(key: "case_id", json: timeline.caseID.json),
                Member(key: "event_id", json: GuessedMapping.json(id)),
            ]
            for other in fields.others where other.column != "sequence" {
                members.append(Member(key: other.column, json: other.field.json))
            }
            let part = field.isInAll ? "all" : "\(field.present.count) of \(fields.count)"
            events.append((members, "\(part) records, \(GuessedMapping.shown(time))"))
            if time.isAmbiguous { tellDoubts(time, field.path.text) }
        }
        if timeline.times.contains(where: { !$0.time.hasZone }) {
            notes.append("the times tell no zone, so they are taken for UTC; see \"zone\" in the README")
        }
        notes.append(
            "each record is one \(word) with \(timeline.times.count) times, and each of these an event; "
                + "a record that has none yields nothing")
        for plan in timeline.plans {
            notes.append("\(plan.path.text) looks like a plan, which is no event; it stays in the details")
        }
    }

    /// `order.approved` of order_approved_at.
    private static func types(_ paths: [[String]], of entity: String) -> [String] {
        var taken: Set<String> = []
        return paths.map { path in
            var word = String(
                path.joined(separator: "_").lowercased().map { $0.isLetter || $0.isNumber ? $0 : "_" })
            for suffix in ["_timestamp", "_datetime", "_date", "_time", "_at", "_on", "_ts"]
            where word.hasSuffix(suffix) && word.count > suffix.count {
                word.removeLast(suffix.count)
                break
            }
            if word.hasPrefix("\(entity)_"), word.count > entity.count + 1 {
                word.removeFirst(entity.count + 1)
            }
            var type = "\(entity).\(word)"
            var number = 2
            while !taken.insert(type).inserted {
                type = "\(entity).\(word)_\(number)"
                number += 1
            }
            return type
        }
    }

    // MARK: - Formats that say which fields are which columns

    /// - Parameters:
    ///   - standard: the fields of the format.
    ///   - leavesTimeAndType: whether these are as the format says, whatever the records look like.
    init(
        _ fields: GuessedFields, of format: SourceFormat, _ standard: StandardFields, items: [JSONValue],
        pattern: GuessedPattern?, name: String, leavesTimeAndType: Bool = false
    ) {
        self.init(name: name)
        let found = { (texts: [String]) in GuessedMapping.found(texts, in: items) }
        let times = found(standard.occurredAt)
        if standard.timePattern == nil, !leavesTimeAndType {
            // What most records are decides; the rest is rejected.
            var time =
                times.count * 2 >= items.count
                ? GuessedTime(times, spoilt: GuessedTime.mostSpoilt) : nil
            if let zone = pattern?.time.zone { time?.zone = zone }
            if let time {
                if time.format != nil || time.zone?.identifier != nil {
                    add(
                        "occurred_at", time.json(GuessedMapping.json(standard.occurredAt, present: items)),
                        GuessedMapping.shown(time))
                }
                tellDoubts(time, "the time")
            } else {
                tellTime(fields)
            }
        }
        if !leavesTimeAndType {
            tellType(
                found(standard.type), standard, fields, items, pattern,
                isOfText: format == .logfmt || format == .regex)
        }
        let cases = found(standard.caseID)
        if cases.count * 2 < items.count {
            if let key = pattern?.caseKey {
                if key != "case_id" { add("case_id", GuessedMapping.json(key), "taken from the message") }
            } else if let field = fields.caseID, !standard.occurredAt.contains(field.path.text) {
                add("case_id", field.json, GuessedMapping.shown(field))
                nameEntity(after: field)
            } else {
                notes.append(
                    "no field names what the events are about; each is a case of its own: \"case_id\"")
            }
        }
    }

    private mutating func tellType(
        _ types: [String], _ standard: StandardFields, _ fields: GuessedFields, _ items: [JSONValue],
        _ pattern: GuessedPattern?, isOfText: Bool
    ) {
        let isAnything = Set(types).count > 60 && Set(types).count * 5 > types.count
        // Lines of text lack a word for what happened by design, records of a standard by mistake.
        let isUsual = types.count * 4 >= items.count * (isOfText ? 3 : 2)
        guard standard.otherType == nil, !isUsual || isAnything || pattern?.hasType == false else { return }
        let levels = GuessedMapping.found(["level", "severity", "lvl"], in: items)
        if levels.count == items.count, Set(levels).count <= 20 {
            let level = GuessedMapping.json(["level", "severity", "lvl"], present: items, "log.{", "}")
            add("type", level, "messages differ too much to be types")
        } else if !isUsual, let type = fields.type, pattern == nil {
            add("type", type.json, type.shown)
        } else {
            add("type", "{\"value\": \(GuessedMapping.json("\(name).line"))}")
            notes.append("no field says what happened; a constant stands there: \"type\"")
        }
    }

    /// The texts of the first of some fields that is present, of the records that have any.
    private static func found(_ texts: [String], in items: [JSONValue]) -> [String] {
        let references = texts.compactMap { try? FieldReference(parsing: $0) }
        return items.compactMap { item in references.lazy.compactMap { $0.text(in: item) }.first }
    }

    /// The first of some fields that any record has.
    private static func json(
        _ fields: [String], present items: [JSONValue], _ prefix: String = "", _ suffix: String = ""
    ) -> String {
        let field = fields.first { !found([$0], in: items).isEmpty } ?? fields[0]
        return json(prefix + field + suffix)
    }

    private static func shown(_ time: GuessedTime) -> String {
        let (first, last) = (time.range.lowerBound.description, time.range.upperBound.description)
        return "\(first.prefix(10)) to \(last.prefix(10))"
    }

    private static func json(_ text: String) -> String { JSONValue(.string(text)).json }
}

extension FieldReference {
    fileprivate func text(in item: JSONValue) -> String? {
        switch self {
        case .field(let path): return item[path.steps]?.text
        case .firstPresent(let references): return references.lazy.compactMap { $0.text(in: item) }.first
        case .constant(let text): return text
        case .fallback(let reference): return reference.text(in: item)
        case .template(let parts):
            var all = ""
            for part in parts {
                switch part {
                case .text(let text): all += text
                case .field(let path):
                    guard let text = item[path.steps]?.text else { return nil }
                    all += text
                }
            }
            return all
        }
    }
}
