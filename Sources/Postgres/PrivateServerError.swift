/// Why the private server cannot be started or stopped, in words for the person who ran the command.
package struct PrivateServerError: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// No PostgreSQL server programs were found.
        case notInstalled
        /// The programs, or the data, are of a major version that is not supported.
        case tooOld
        /// The data was written by a major version that is not installed.
        case otherVersion
        /// A file or directory cannot be made, read or entered, or is not what it should be.
        case inaccessible
        /// The socket's directory exists and is not ours alone.
        case unsafeSocketDirectory
        /// No unprivileged account to run the server with, or no way to become it.
        case noAccount
        /// A file system has no space left.
        case diskFull
        /// Making a new data directory failed.
        case initialisationFailed
        /// No address to listen at.
        case badAddress
        /// Others are connected.
        case inUse
        /// The server did not come up.
        case startFailed
        /// The server did not go down.
        case stopFailed
    }

    package let kind: Kind
    /// What was being done, to what, and what went wrong; lines of a log or of a program's output may follow.
    package let message: String
    /// What a person can do about it.
    package let hint: String?

    init(_ kind: Kind, _ message: String, hint: String? = nil) {
        self.kind = kind
        self.message = message
        self.hint = hint
    }

    package var description: String {
        guard let hint else { return message }
        return message + "\n  " + hint
    }
}
