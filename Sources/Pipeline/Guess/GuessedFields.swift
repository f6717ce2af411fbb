import Events

/// Which fields of some records are probably which columns of an event: by their names, and by what is in them.
struct GuessedFields {
    private(set) var time: FieldPath?
    private(set) var type: FieldPath?
    private(set) var eventID: FieldPath?
    private(set) var caseID: FieldPath?
    private(set) var others: [(column: String, path: FieldPath)] = []
    /// When a record was changed last, where that is told beside when it happened.
    private(set) var changedAt: FieldPath?

    private static let times = [
        "occurred_at", "event_time", "time", "timestamp", "@timestamp", "ts", "eventtime", "created_at",
        "created", "date",
        "datetime", "at",
    ]
    private static let changes = [
        "updated_at", "updatedat", "modified_at", "last_modified", "updated", "modified",
    ]
    private static let types = [
        "event_type", "type", "event", "event_name", "action", "kind", "status", "name",
    ]
    private static let ids = ["event_id", "eventid", "id", "_id", "uuid", "guid", "message_id"]
    private static let columns = [
        ("service", ["service", "service_name", "source", "app", "component"]),
        ("user_id", ["user_id", "userid", "user", "customer_id"]),
        ("correlation_id", ["correlation_id", "request_id", "trace_id", "traceparent"]),
        ("sequence", ["sequence", "seq"]),
    ]

    init(_ items: [JSONValue]) {
        var values: [String: [String]] = [:]
        var paths: [String: [String]] = [:]
        var order: [String] = []
        for item in items {
            for (path, text) in item.scalars() {
                let key = path.joined(separator: "\u{0}")
                if paths.updateValue(path, forKey: key) == nil { order.append(key) }
                values[key, default: []].append(text)
            }
        }
        let fields = order.map {
            (name: paths[$0]!.last!.lowercased(), path: paths[$0]!, values: values[$0]!)
        }
        var taken: Set<String> = []
        /// The field whose name stands first in the list; where it stands in two places, the outer one.
        func find(_ names: [String], where isFit: ([String]) -> Bool = { _ in true }) -> FieldPath? {
            for name in names {
                let fit = fields.filter {
                    $0.name == name && !taken.contains($0.path.joined(separator: "\u{0}")) && isFit($0.values)
                }
                guard let field = fit.min(by: { $0.path.count < $1.path.count }) else { continue }
                taken.insert(field.path.joined(separator: "\u{0}"))
                return FieldPath(steps: field.path)
            }
            return nil
        }
        func areTimes(_ values: [String]) -> Bool {
            values.allSatisfy { text in
                // A number is a time where it is one of our days.
                guard let time = Timestamp(text) else { return false }
                return text.contains("-") || time.microseconds > 631_152_000_000_000
            }
        }
        let all = items.count
        time = find(GuessedFields.times, where: areTimes)
        changedAt = find(GuessedFields.changes, where: areTimes)
        if time == nil { time = changedAt }
        if time == nil { time = find(fields.map(\.name), where: areTimes) }
        type = find(GuessedFields.types) { $0.count == all }
        // Logs repeat some events.
        eventID = find(GuessedFields.ids) { $0.count == all && Set($0).count * 10 >= $0.count * 9 }
        for (column, names) in GuessedFields.columns {
            guard
                let path = find(names, where: { column != "sequence" || $0.allSatisfy { Int64($0) != nil } })
            else { continue }
            others.append((column, path))
        }
        // What names a case comes again, or at least ends in _id.
        let likely = fields.filter {
            $0.name.hasSuffix("_id") || $0.name.hasSuffix("id") && $0.path.count == 1
        }
        caseID =
            find(["case_id", "order_id", "invoice_id"] + likely.map(\.name)) ?? find(["subject", "key"])
    }
}
