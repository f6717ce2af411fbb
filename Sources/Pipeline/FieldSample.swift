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
    func has(_ path: FieldPath) -> Bool { records.contains { $0[path.steps] != nil } }

    /// The names that stand where the last step of the path should.
    func names(beside path: FieldPath) -> [String] {
        Set(records.flatMap { $0[path.steps.dropLast()]?.names ?? [] }).sorted()
    }
}
