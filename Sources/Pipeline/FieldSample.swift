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

    init(_ records: [JSONValue]) { self.records = Array(records.prefix(FieldSample.maxRecords)) }

    var count: Int { records.count }

    /// Whether any record has the field; null is no value.
    func has(_ path: FieldPath) -> Bool {
        records.contains { FieldSample.value(path.steps[...], in: $0) != nil }
    }

    /// The names that stand where the last step of the path should.
    func names(beside path: FieldPath) -> [String] {
        let names = records.flatMap { record -> [String] in
            guard case .object(let members)? = FieldSample.value(path.steps.dropLast(), in: record)?.content
            else {
                return []
            }
            return members.map(\.name)
        }
        return Set(names).sorted()
    }

    private static func value(_ steps: ArraySlice<String>, in value: JSONValue) -> JSONValue? {
        guard let step = steps.first else {
            if case .null = value.content { return nil }
            return value
        }
        switch value.content {
        case .object(let members):
            return members.last { $0.name == step }.flatMap { self.value(steps.dropFirst(), in: $0.value) }
        case .array(let elements):
            guard let index = Int(step), elements.indices.contains(index) else { return nil }
            return self.value(steps.dropFirst(), in: elements[index])
        default: return nil
        }
    }
}
