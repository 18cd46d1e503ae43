namespace Retouch.Suffix;

/// <summary>What a <see cref="TensorChange"/> does.</summary>
public enum TensorChangeKind
{
    /// <summary>Values of the tensor's shape are added.</summary>
    Add,

    /// <summary>The product of two matrices is added.</summary>
    AddProduct,

    /// <summary>Rows of a matrix, or values of a vector, are put after the last.</summary>
    AppendRows,

    /// <summary>Columns of a matrix are put after the last.</summary>
    AppendColumns,
}
