import Events
import Extract
import Foundation

/// The first records of a source as trees: which fields they have. For `check`, not for loading.
struct FieldSample {
    private let records: [JSONValue]

    private static let maxBytes = 256 << 10
    /// Of each file.
    private static let maxRecords = 200

    init(_ files: [FoundFile]) {
        records = files.flatMap { file -> [JSONValue] in
            guard let handle = FileHandle(forReadingAtPath: file.path) else { return [] }
            defer { try? handle.close() }
            let start = (try? handle.read(upToCount: FieldSample.maxBytes)) ?? Data()
            return start.split(separator: 0x0A).prefix(FieldSample.maxRecords).compactMap { line in
                try? JSONDocument([UInt8](line), isLenient: false).root
            }
        }
    }

    /// Records of any format, all of their fields, as a run would read them.
    init(_ files: [FoundFile], _ form: RecordForm, of mapping: SourceMapping) {
        let event = EventMapping(
            occurredAt: EventMapping.Time(.constant("2000-01-01")), type: .constant(""), defaultService: "",
            defaultEntity: "")
        var all = SourceMapping(
            events: [event], isList: false,
            timeRange: Timestamp(microseconds: .min)...Timestamp(microseconds: .max))
        all.opened = mapping.opened
        records = files.flatMap { file -> [JSONValue] in
            let plan = ReadPlan(file, identity: "sample")
            var batch = EventBatch(capacity: FieldSample.maxRecords)
            guard
                let reader = try? FileReader(
                    plan, plan.stretches[0], form: form, mapping: all, isSettled: true),
                (try? reader.fill(&batch)) ?? false
            else { return [] }
            var records: [JSONValue] = []
            for event in batch.events where !event.details.isAbsent {
                let bytes = Array(batch.arena.bytes(of: event.details))
                if let record = try? JSONDocument(bytes, isLenient: false).root { records.append(record) }
            }
            return records
        }
    }

    init(_ records: [JSONValue]) { self.records = Array(records.prefix(FieldSample.maxRecords)) }

    var count: Int { records.count }

    /// Whether any record has the field; null is no value.
    func has(_ path: FieldPath) -> Bool { records.contains { $0[path.steps] != nil } }

    /// The names that stand where the last step of the path should.
    func names(beside path: FieldPath) -> [String] {
        Set(records.flatMap { $0[path.steps.dropLast()]?.names ?? [] }).sorted()
    }

    /// A field as a redaction meets it: names that are joined by dots count as steps, and arrays are passed through.
    ///
    /// - Returns: the names on the way as a record has them, if one has the field; else what was probably meant,
    ///   `; did you mean "email"?`, or nothing.
    func find(_ path: FieldPath) -> (steps: [String]?, suggestion: String) {
        var search = Search(rest: path.parts[...])
        for record in records {
            if let steps = search.follow(path.parts[...], in: record) { return (steps, "") }
        }
        let whole = Spelling.suggestion(search.rest.joined(separator: "."), in: search.names)
        return (nil, whole.isEmpty ? Spelling.suggestion(search.rest.first ?? "", in: search.names) : whole)
    }

    /// Where a path leads farthest.
    private struct Search {
        /// What is left of the path there.
        var rest: ArraySlice<String>
        /// The names of which none goes on.
        var names: Set<String> = []

        /// - Returns: the names on the way to the end of the path.
        mutating func follow(_ path: ArraySlice<String>, in value: JSONValue) -> [String]? {
            guard let step = path.first else { return [] }
            switch value.content {
            case .object(let members):
                if path.count < rest.count { (rest, names) = (path, []) }
                if path.count == rest.count { names.formUnion(value.names) }
                for member in members {
                    let parts = FieldPath(steps: [member.name]).parts
                    guard path.starts(with: parts) else { continue }
                    if let steps = follow(path.dropFirst(parts.count), in: member.value) {
                        return [member.name] + steps
                    }
                }
            case .array(let elements):
                if let index = Int(step), elements.indices.contains(index),
                    let steps = follow(path.dropFirst(), in: elements[index])
                {
                    return [step] + steps
                }
                for element in elements {
                    if let steps = follow(path, in: element) { return steps }
                }
            default: break
            }
            return nil
        }
    }
}
