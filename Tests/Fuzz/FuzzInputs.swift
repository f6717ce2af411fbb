import Foundation

/// Inputs that are kept as files, one a file.
package enum FuzzInputs {
    package struct Input: Sendable, CustomStringConvertible {
        package let name: String
        package let bytes: [UInt8]

        package var description: String { name }
    }

    /// Those of a folder, by name.
    package static func read(_ folder: String) throws -> [Input] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { name in
            Input(name: name, bytes: Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))))
        }
    }
}
