import Events

/// The formats that a definition can name: how the records are written, and which of their fields are which columns
/// where the format says so itself.
package enum SourceFormat: String, Sendable, CaseIterable {
    case ndjson, json, csv, tsv, logfmt, regex, access, cloudevents, otlp, ecs, xes, drdroid, logeater

    /// The format of a file with this name, as its ending tells; those of compressed files are passed.
    init?(ending name: String) {
        var parts = name.lowercased().split(separator: "/").last?.split(separator: ".").map(String.init) ?? []
        while let last = parts.last, ["gz", "zst", "xz", "bz2"].contains(last) { parts.removeLast() }
        switch parts.last {
        case "ndjson", "jsonl": self = .ndjson
        case "json": self = .json
        case "csv": self = .csv
        case "tsv": self = .tsv
        case "xes": self = .xes
        default: return nil
        }
    }

    /// Whether the answers of an API can be in it.
    var isForAPIs: Bool {
        switch self {
        case .ndjson, .json, .csv, .cloudevents, .ecs, .drdroid, .logeater: true
        case .tsv, .logfmt, .regex, .access, .otlp, .xes: false
        }
    }

    /// The fields of an event by the names that the format gives them; nil where it gives none.
    ///
    /// Sources: CloudEvents 1.0.2 with its extensions for distributed tracing and sequence; OpenTelemetry's logs data
    /// model; Elastic Common Schema 8; IEEE 1849-2016 with pm4py's names for the attributes of traces.
    var fields: StandardFields? {
        switch self {
        case .ndjson, .json, .csv, .tsv: nil
        case .logfmt, .regex:
            StandardFields(
                occurredAt: ["occurred_at", "time", "timestamp", "ts", "@timestamp"],
                type: ["event", "type", "event_type", "msg", "message"],
                caseID: ["case_id"], eventID: ["event_id"], service: ["service", "app"],
                userID: ["user_id", "user"], correlationID: ["correlation_id", "request_id", "trace_id"])
        case .access:
            StandardFields(
                occurredAt: ["time"], timePattern: "%d/%b/%Y:%H:%M:%S %z",
                type: ["http.{status}"], service: ["vhost"], userID: ["user"])
        case .cloudevents:
            StandardFields(
                occurredAt: ["time"], type: ["type"], caseID: ["subject"], eventID: ["{source} {id}"],
                needsEventID: true, service: ["source"], correlationID: ["traceparent"],
                sequence: ["sequence"])
        case .otlp:
            StandardFields(
                occurredAt: ["time"], type: ["eventName", "log.{severityText}"], otherType: "log",
                caseID: ["traceId"], eventID: ["/attributes/log.record.uid"],
                service: ["/resource/service.name"],
                userID: ["/attributes/user.id", "/attributes/enduser.id"], correlationID: ["traceId"])
        case .ecs:
            StandardFields(
                occurredAt: ["/@timestamp"],
                type: ["event.action", "/event.action", "event.dataset", "/event.dataset"],
                otherType: "event", caseID: ["trace.id", "/trace.id"], eventID: ["event.id", "/event.id"],
                service: ["service.name", "/service.name"],
                userID: ["user.id", "/user.id", "user.name", "/user.name"],
                correlationID: ["trace.id", "/trace.id"])
        case .xes:
            StandardFields(
                occurredAt: ["/time:timestamp"], type: ["/concept:name"], caseID: ["/case:concept:name"],
                eventID: ["/identity:id"], userID: ["/org:resource"])
        case .drdroid:
            StandardFields(
                occurredAt: ["timestamp"], type: ["name"], details: "payload", opened: ["payload"])
        case .logeater:
            StandardFields(
                occurredAt: ["timestamp"], type: ["type"], service: ["service"], userID: ["user_id"],
                details: "details", opened: ["details"])
        }
    }
}

/// The fields of an event as a format names them: of each list, the first that is present. The others stay in the
/// details: nobody has said that they are not wanted.
struct StandardFields {
    var occurredAt: [String]
    /// Of a time that is neither ISO 8601 nor an epoch.
    var timePattern: String?
    var type: [String]
    /// Where no field tells.
    var otherType: String?
    var caseID: [String] = []
    var eventID: [String] = []
    /// Whether a record without an id is rejected; else its position is its id.
    var needsEventID = false
    var service: [String] = []
    var userID: [String] = []
    var correlationID: [String] = []
    /// Where it is a number; any other text is left in the details.
    var sequence: [String] = []
    var details: String?
    /// Fields that hold JSON in a string.
    var opened: [String] = []

    /// The mapping of a source in the format.
    ///
    /// - Parameter derived: the id of a record that has none.
    func mapping(
        service defaultService: String, entity: String, derived: EventMapping.DerivedID
    ) throws(FieldReference.SyntaxError) -> EventMapping {
        let otherTypes = otherType.map { [FieldReference.constant($0)] } ?? []
        var mapping = EventMapping(
            occurredAt: EventMapping.Time(
                try StandardFields.reference(occurredAt),
                format: timePattern.flatMap { try? TimeFormat($0, zone: nil) }),
            type: try StandardFields.reference(type, orElse: otherTypes), defaultService: defaultService,
            defaultEntity: entity)
        mapping.caseID = try StandardFields.optional(caseID)
        mapping.service = try StandardFields.optional(service)
        mapping.userID = try StandardFields.optional(userID)
        mapping.correlationID = try StandardFields.optional(correlationID)
        mapping.sequence = try StandardFields.optional(sequence)
        mapping.isSequenceOptional = true
        mapping.details = try details.map(StandardFields.reference)
        mapping.eventID = .derived(derived)
        if let id = try StandardFields.optional(eventID) {
            mapping.eventID = .reference(id, orElse: needsEventID ? nil : derived)
        }
        return mapping
    }

    private static func optional(_ texts: [String]) throws(FieldReference.SyntaxError) -> FieldReference? {
        texts.isEmpty ? nil : try reference(texts)
    }

    private static func reference(
        _ texts: [String], orElse others: [FieldReference] = []
    ) throws(FieldReference.SyntaxError) -> FieldReference {
        var references: [FieldReference] = []
        for text in texts {
            let field = try reference(text)
            references.append(references.isEmpty ? field : .fallback(field))
        }
        references += others
        return references.count == 1 ? references[0] : .firstPresent(references)
    }

    private static func reference(_ text: String) throws(FieldReference.SyntaxError) -> FieldReference {
        try FieldReference(parsing: text)
    }
}
