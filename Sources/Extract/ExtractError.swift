/// Why a source could not be read.
package struct ExtractError: Error, CustomStringConvertible {
    package enum Kind: Sendable {
        /// It is not there, or cannot be reached.
        case missing
        /// It is there and cannot be read.
        case unreadable
        /// It is not of the declared format as a whole.
        case unsupported
        /// Somebody wished to stop.
        case cancelled
    }

    package let kind: Kind
    package let object: String
    package let message: String

    package init(kind: Kind, object: String, message: String) {
        (self.kind, self.object, self.message) = (kind, object, message)
    }

    package var description: String { "\(object): \(message)" }
}
