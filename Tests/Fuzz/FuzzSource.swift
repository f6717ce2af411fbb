import Events

/// How an input's bytes are read: a format and a mapping as definitions have them.
///
/// The first byte of an input chooses (`0` to `7`, and any other byte modulo eight), the rest is the object.
struct FuzzSource: Sendable {
    enum Format { case ndjson, csv }

    let format: Format
    /// Of CSV.
    let dialect: CSVDialect
    let mapping: SourceMapping

    static func chosen(by byte: UInt8) -> FuzzSource { all[Int(byte) % all.count] }

    private static let all: [FuzzSource] = {
        let formats: [Format] = [.ndjson, .csv]
        return formats.flatMap { format in [service, positioned, list].map { FuzzSource(format, $0) } }
            + [.tsv, escaped].map { FuzzSource(.csv, service, $0) }
    }()

    private static let escaped = CSVDialect(
        separator: UInt8(ascii: ";"), escape: UInt8(ascii: "\\"), comment: UInt8(ascii: "#"),
        raggedRows: .filled)

    private init(_ format: Format, _ mapping: SourceMapping, _ dialect: CSVDialect = .rfc4180) {
        (self.format, self.mapping, self.dialect) = (format, mapping, dialect)
    }

    /// One that has read nothing yet: parsers learn from what they read, and an input must show the same each time.
    func makeParser() -> any RecordParser {
        switch format {
        case .ndjson: NDJSONParser(mapping)
        case .csv: CSVParser(mapping, header: FuzzSource.header, dialect: dialect)
        }
    }

    static let header = ["id", "time", "kind", "action", "order.id", "user", "n", "data", "é\"\\"]

    // MARK: - Mappings

    /// Ids of its own, a template, alternatives, a constant.
    private static let service: SourceMapping = {
        var event = EventMapping(
            occurredAt: .init(field("time")), type: field("{kind}.{action}"), defaultService: "shop",
            defaultEntity: "order")
        event.eventID = .reference(field("id"))
        event.caseID = .firstPresent([field("order_id"), field("order.id")])
        event.service = .constant("checkout")
        event.sequence = field("n")
        return SourceMapping(events: [event], isList: false, timeRange: years)
    }()

    /// As little as must be mapped, and the texts that may be.
    private static let positioned: SourceMapping = {
        var event = EventMapping(
            occurredAt: .init(field("time"), zone: TimeZoneRules(identifier: "Europe/Berlin")),
            type: field("kind"), defaultService: "shop", defaultEntity: "order")
        event.userID = field("user")
        event.correlationID = field("{user}/{n}")
        return SourceMapping(events: [event], isList: false, timeRange: years)
    }()

    /// Several events a record, ids of the content, named details, a time of another notation.
    private static let list: SourceMapping = {
        let created = EventMapping(
            occurredAt: .init(field("time")), type: .constant("created"), defaultService: "shop",
            defaultEntity: "order")
        var paid = EventMapping(
            occurredAt: .init(field("order.time")), type: field("kind"), defaultService: "shop",
            defaultEntity: "order")
        paid.eventID = .content
        paid.details = .firstPresent([field("data"), field("{kind} of {user}")])
        var shipped = EventMapping(
            occurredAt: .init(field("data"), format: try? TimeFormat("%d.%m.%Y %H:%M", zone: nil)),
            type: .constant("shipped"), defaultService: "shop", defaultEntity: "order")
        shipped.caseID = .firstPresent([field("order.items.0.sku"), field("order.id")])
        shipped.details = field("order")
        return SourceMapping(events: [created, paid, shipped], isList: true, timeRange: years)
    }()

    /// 2000 to 2099.
    private static let years =
        Timestamp(microseconds: 946_684_800_000_000)...Timestamp(microseconds: 4_102_444_800_000_000)

    private static func field(_ text: String) -> FieldReference {
        do { return try FieldReference(parsing: text) } catch { preconditionFailure(error.message) }
    }
}
